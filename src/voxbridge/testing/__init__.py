"""For tests, ours and yours: an in-memory network, simulated backend servers, and what every backend promises.

No command of the product imports this package. The simulated Discord stands in `voxbridge.rehearsal.discord`, which
`voxbridge rehearse` and `voxbridge talk` run.
"""
