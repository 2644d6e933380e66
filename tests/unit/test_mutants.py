"""What the mutation session changes in a file, and that the rest of it stays as it is."""

from __future__ import annotations

import ast

import pytest

from tests.mutate.mutants import mutants_of

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
