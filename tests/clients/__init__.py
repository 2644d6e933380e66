"""Unmodified clients of other people in the simulated Discord: `nox -s clients`."""
