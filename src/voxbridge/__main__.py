"""``voxbridge`` and ``python -m voxbridge``."""

from __future__ import annotations

import sys

_EXIT_INTERRUPTED = 130  # 128 + SIGINT, as in ``cli.shell``, which is not there yet when this is needed


def start() -> None:
    """Run the command line. A Ctrl-C while it is still being imported ends it like any other: without a traceback."""
    try:
        from voxbridge.cli import main
    except KeyboardInterrupt:
        sys.stderr.write("voxbridge: stopped\n")
        sys.exit(_EXIT_INTERRUPTED)
    main()


if __name__ == "__main__":
    start()
