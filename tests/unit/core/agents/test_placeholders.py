"""Templates: JSON stays JSON whatever the users say."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.agents.placeholders import NAMES, filled, template_fault

pytestmark = pytest.mark.unit

TEMPLATE = '{"q": "{text}", "who": {"id": "{user_id}", "tags": ["by {user_name}", 1, true, null]}, "raw": "{x y}"}'


@given(text=st.text(), name=st.text())
def test_values_are_escaped(text, name):
    """Quotes, braces, newlines, halves of emoji: the body is JSON, and holds the text as it was."""
    body = json.loads(filled(TEMPLATE, {"text": text, "user_id": "3", "user_name": name}))
    whole = text.encode("utf-8", "replace").decode()
    assert body["q"] == whole
    assert body["who"] == {"id": "3", "tags": [f"by {name}".encode("utf-8", "replace").decode(), 1, True, None]}
    assert body["raw"] == "{x y}"


def test_placeholder_in_a_value_is_not_filled_again():
    """A user who says {user_id} gets no id."""
    assert json.loads(filled('{"q": "{text}"}', {"text": "{user_id}", "user_id": "3"})) == {"q": "{user_id}"}


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        (TEMPLATE, None),
        ('{"q": {text}}', "is not JSON"),
        ('{"q": "{tekst}"}', "{tekst}"),
        ('{"q": "hello"}', "lacks {text}"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_template_fault_says_what_is_wrong(template, fault):
    """The operator reads it when the configuration is read."""
    found = template_fault(template)
    assert found == fault if found is None or fault is None else fault in found


def test_every_placeholder_is_known():
    """What the documentation lists can be used."""
    assert template_fault(json.dumps([f"{{{name}}}" for name in NAMES])) is None
