"""The other end of every wire: simulated Discord and simulated servers, for `voxbridge rehearse` and the tests."""
