"""Backends of this stage, one module each."""
