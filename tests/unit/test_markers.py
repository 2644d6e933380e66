"""The rule of tests/conftest.py: exactly one category for each test, or nothing is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("marks", "code", "says"),
    [
        ("pytest.mark.unit", pytest.ExitCode.OK, "1 passed"),
        ("[pytest.mark.integration, pytest.mark.latency]", pytest.ExitCode.OK, "1 passed"),
        ("[]", pytest.ExitCode.USAGE_ERROR, "has []"),
        ("pytest.mark.latency", pytest.ExitCode.USAGE_ERROR, "has []"),
        ("[pytest.mark.unit, pytest.mark.e2e]", pytest.ExitCode.USAGE_ERROR, "has ['e2e', 'unit']"),
        ("pytest.mark.unti", pytest.ExitCode.INTERRUPTED, "'unti' not found in `markers`"),
    ],
)
def test_module_without_exactly_one_category_stops_the_run(
    pytester: pytest.Pytester, marks: str, code: pytest.ExitCode, says: str
) -> None:
    """Else a test could belong to no session and never run, or to two and run twice."""
    pytester.makepyprojecttoml((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(test_it=f"import pytest\npytestmark = {marks}\ndef test_it(): ...\n")
    done = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "test_it.py")
    told = done.stdout.str() + done.stderr.str()
    assert says in told, told
    assert done.ret == code


SHUFFLED = """
import pytest, trio
pytestmark = [pytest.mark.unit{mark}]
async def test_it(autojump_clock):
    told = []
    async def tell(name):
        told.append(name)
    async with trio.open_nursery() as nursery:
        for name in range(9):
            nursery.start_soon(tell, name)
    assert not told, "order " + "".join(map(str, told))
"""


def _orders(pytester: pytest.Pytester, mark: str, *options: str) -> tuple[list[str], str]:
    pytester.makepyprojecttoml((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(test_it=SHUFFLED.format(mark=mark))
    done = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", *options, "test_it.py")
    told = done.stdout.str()
    return re.findall(r"^ +\| AssertionError: order (\d+)$", told, re.MULTILINE), told


def test_tests_of_turn_taking_run_under_20_orders_of_tasks(pytester: pytest.Pytester) -> None:
    """A test marked `orders` sees 20 orders of the tasks that are ready at one instant, the same 20 in every run."""
    first, _ = _orders(pytester, ", pytest.mark.orders")
    again, _ = _orders(pytester, ", pytest.mark.orders")
    assert len(first) == 20
    assert len(set(first)) > 15, "the orders hardly differ"
    assert again == first


def test_any_virtual_test_runs_under_as_many_orders_as_asked_for(pytester: pytest.Pytester) -> None:
    """`--scheduler-seeds 7` runs each test in virtual time under 7 orders, marked or not."""
    assert len(set(_orders(pytester, "", "--scheduler-seeds", "7")[0])) == 7
    assert len(_orders(pytester, ", pytest.mark.orders", "--scheduler-seeds", "7")[0]) == 7


def test_an_order_that_failed_can_be_had_again(pytester: pytest.Pytester) -> None:
    """Each run has an order of its own; a failure names it, and the option repeats it."""
    (failed,), told = _orders(pytester, "")
    seed = re.search(r"--scheduler-seed (\d+)", told)
    assert seed, told
    (again,), _ = _orders(pytester, "", "--scheduler-seed", seed[1])
    assert again == failed
    others = {_orders(pytester, "")[0][0] for _ in range(3)}
    assert len(others | {failed}) > 1, "each run has the same order"
