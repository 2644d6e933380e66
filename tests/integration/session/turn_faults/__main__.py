"""Write docs/faults.md anew."""

from __future__ import annotations

import logging

import structlog

from tests.integration.session.turn_faults.page import PAGE, written

if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    PAGE.write_text(written(), encoding="utf-8")
