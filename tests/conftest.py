"""What every test module shares: exactly one category marker each, and a hard real-time limit."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import hypothesis
import pytest
import structlog

# A busy machine is not a fault of the code under test; what must be fast is measured by the bench.
hypothesis.settings.register_profile("voxbridge", deadline=None)
hypothesis.settings.load_profile("voxbridge")

CATEGORIES = {"unit", "integration", "e2e", "bench", "systemd", "browser", "clients", "packages", "container"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--turns", default="200", help="random turns, and cut answers, that conversations are played for")
    parser.addoption("--whole", action="store_true", help="also what CI leaves out of noises, echoes and overlaps")
    parser.addoption("--screenshots", action="store_true", help="the pictures in docs/screenshots are taken anew")
    parser.addoption("--seed", default="1", help="the first conversation of the model")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--whole"):
        left_out = [item for item in items if item.get_closest_marker("whole")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    for item in items:
        found = {mark.name for mark in item.iter_markers()} & CATEGORIES
        if len(found) != 1:
            raise pytest.UsageError(
                f"{item.nodeid}: wants exactly one category marker of {sorted(CATEGORIES)}, has {sorted(found)}; "
                "set `pytestmark = pytest.mark.<category>` in the module"
            )


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Undo what a command run inside a test did to the logging of this process: its stream is closed by now."""
    root = logging.getLogger()
    handlers, level, config = list(root.handlers), root.level, structlog.get_config()
    yield
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.configure(**config)
