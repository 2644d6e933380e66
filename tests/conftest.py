"""What every test module shares: exactly one category marker each, and a hard real-time limit."""

from __future__ import annotations

import logging
import random
from collections.abc import Generator, Iterator

import hypothesis
import pytest
import structlog

from tests.support.scheduling import seeded

# A busy machine is not a fault of the code under test; what must be fast is measured by the bench.
hypothesis.settings.register_profile("voxbridge", deadline=None)
hypothesis.settings.load_profile("voxbridge")

CATEGORIES = {"unit", "integration", "e2e", "bench", "systemd", "browser", "clients", "packages", "container"}
ORDERS = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--turns", default="200", help="random turns, and cut answers, that conversations are played for")
    parser.addoption("--whole", action="store_true", help="also what CI leaves out of noises, echoes and overlaps")
    parser.addoption("--screenshots", action="store_true", help="the pictures in docs/screenshots are taken anew")
    parser.addoption("--scheduler-seeds", type=int, default=0, help="orders of Trio's tasks for each virtual-time test")
    parser.addoption("--scheduler-seed", type=int, help="the order of a test that failed, where it had one of its own")
    parser.addoption("--seed", default="1", help="the first conversation of the model")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Multiply tests in virtual time by orders of the tasks: those marked `orders` by 20, all by option."""
    marked = ORDERS if metafunc.definition.get_closest_marker("orders") else 0
    seeds = metafunc.config.getoption("--scheduler-seeds") or marked
    if seeds and "autojump_clock" in metafunc.fixturenames:
        metafunc.parametrize("scheduler_seed", range(seeds), indirect=True, ids=lambda seed: f"scheduler{seed}")


@pytest.fixture(autouse=True)
def scheduler_seed(request: pytest.FixtureRequest) -> Iterator[int]:
    """Choose the order of the tasks that are ready at one instant: another one in each run, unless it is given."""
    seed: int | None = getattr(request, "param", request.config.getoption("--scheduler-seed"))
    if seed is None:
        seed = random.SystemRandom().randrange(1_000_000)
    request.node.user_properties.append(("scheduler_seed", seed))
    with seeded(seed):
        yield seed


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    seed = dict(item.user_properties).get("scheduler_seed")
    if report.failed and "autojump_clock" in getattr(item, "fixturenames", ()):
        report.sections.append(("order of tasks", f"the same one again: --scheduler-seed {seed}"))
    return report


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
