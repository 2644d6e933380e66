"""``python -m voxbridge``."""

from voxbridge.cli import main

main()
