"""Small mutations of our own code, one at a time, and whether a test notices: `nox -s mutate -- FILES`."""
