"""Simulated backends that speak the real protocols and misbehave when told to."""
