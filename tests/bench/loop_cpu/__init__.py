"""A folder for PYTHONPATH: Python runs its `sitecustomize` before the daemon."""
