"""What `nox -s bench` runs: measurements, no assertions."""
