"""What `nox -s fuzz` runs: bytes that nobody expects, for every reader of bytes from outside."""
