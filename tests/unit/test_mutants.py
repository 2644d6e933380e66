"""What the mutation session changes in a file, and that the rest of it stays as it is."""

from __future__ import annotations

import ast

import pytest

from tests.mutate.__main__ import cases_of, sampled
from tests.mutate.mutants import mutants_of
from tests.mutate.reach import PACKAGE, Reach, places, run_later, statement_at
from tests.mutate.reach import Test as Known
from tests.mutate.trial import chosen

pytestmark = pytest.mark.unit

SOURCE = b'''"""Docstring with 5 numbers."""
from math import pi

LIMIT_S: float = 2.0


def late(now: float, since: float = 0.5) -> bool:
    """Tell."""
    seen.append(now)
    _log.info("late", by_s=now)
    return now - since > LIMIT_S and not done
'''


def test_each_kind_of_change_is_tried_once():
    """Constants, comparisons, operators, `not`, calls are changed; docstrings, imports, annotations, logs are not."""
    assert [str(mutant) for mutant in mutants_of(SOURCE)] == [
        "line 4: `2.0` -> `3.0`",
        "line 7: `0.5` -> `0.75`",
        "line 9: `seen.append(now)` -> `pass`",
        "line 11: `now - since` -> `(now + since)`",
        "line 11: `now - since > LIMIT_S` -> `(now - since >= LIMIT_S)`",
        "line 11: `now - since > LIMIT_S and not done` -> `(now - since > LIMIT_S or not done)`",
        "line 11: `not done` -> `(done)`",
    ]


def test_mutant_is_the_file_with_one_change():
    """Every mutant can be parsed, and is another program."""
    for mutant in mutants_of(SOURCE):
        changed = mutant.applied(SOURCE)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(SOURCE)), mutant
        assert changed.replace(mutant.after.encode(), mutant.before.encode(), 1) == SOURCE


CALLED = """LIMIT = 2

class Gate:
    open_s = 3

    def lets(self, now, since=1):
        late = (
            now - since
            > LIMIT
        )
        return not late
"""


def test_a_line_is_known_by_what_it_stands_in():
    """Functions and classes have their lines, statements all of theirs, and what runs on import is nobody's call."""
    around = places(CALLED)
    assert {line: around.get(line, "") for line in (1, 4, 6, 9)} == {1: "", 4: "Gate", 6: "Gate.lets", 9: "Gate.lets"}
    assert run_later(CALLED) == {7, 8, 9, 10, 11}
    assert list(statement_at(CALLED, 9, 9)) == [7, 8, 9, 10]
    assert list(statement_at(CALLED, 11, 11)) == [11]


def test_tests_that_reach_a_line_are_those_of_its_statement():
    """A test is found by any line of the statement, wherever that stands by now; another function's tests are not."""
    tests = [Known(f"tests/unit/test_gate.py::test_{name}", "unit", 0.1) for name in ("lets", "other")]
    reach = Reach(tests, {}, {"gate.py": {"Gate.lets\tnow - since": {0}, "Gate.other\tpass": {1}}})
    assert reach.of("gate.py", CALLED, 9, 9) == {0}
    assert reach.of("gate.py", "# moved\n" + CALLED, 10, 10) == {0}
    assert reach.of("gate.py", CALLED, 4, 4) == {0, 1}, "a default of a class is of all that reach it"


def test_the_cheapest_tests_are_asked_first_and_no_more_than_there_is_time_for():
    """Unit tests have half of the budget, the rest is for the others; four cases of one test come before all of it."""
    tests = [Known(f"tests/unit/test_a.py::test_many[{number}]", "unit", 1.0) for number in range(9)]
    tests += [
        Known("tests/unit/test_b.py::test_one", "unit", 1.5),
        Known("tests/integration/test_c.py::t", "virtual", 4.0),
    ]
    taken = [test.node.rpartition("::")[2] for test in chosen(tests, "far", 12.0)]
    assert taken == ["test_many[0]", "test_many[1]", "test_many[2]", "test_many[3]", "test_one", "t"]


def test_a_sample_is_the_same_for_the_same_seed_and_grows():
    """More of a file's mutants are the fewer and others; another seed has others; each has a name of its own."""
    cases = cases_of(PACKAGE / "core" / "health" / "hedge.py")
    assert len({case.key for case in cases}) == len(cases) > 12
    five = sampled(cases, 1.0, 5, seed=1)
    assert sampled(cases, 1.0, 12, seed=1)[:5] == five == sampled(cases, 1.0, 5, seed=1)
    assert sampled(cases, 1.0, 5, seed=2) != five
