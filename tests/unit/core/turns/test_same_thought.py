"""Speech that goes on before the answer was heard: how much of it may have been."""

from __future__ import annotations

import pytest

from voxbridge.core.turns.same_thought import is_same_thought

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("heard_s", "is_same"), [(0.0, True), (0.99, True), (1.0, False), (1.4, False)])
def test_a_second_of_the_answer_ends_the_thought(heard_s, is_same):
    """Whoever heard less than a second of the answer goes on with his question; whoever heard more replies."""
    assert is_same_thought(heard_s) is is_same
