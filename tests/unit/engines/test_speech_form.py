"""The form of a speech request: what the real server takes, and how it refuses the rest."""

from __future__ import annotations

import pytest

from voxbridge.engines.speech_form import Refusal, read_form

pytestmark = pytest.mark.unit


def test_text_is_taken():
    """Unknown fields, empty ones and unknown voices do not matter."""
    form = {
        "input": "Hello.",
        "voice": "nobody",
        "temperature": "0.8",
        "streaming_chunk_size": "120",
        "x": "y",
        "cfg_weight": "",
    }
    assert read_form(form) == "Hello."


@pytest.mark.parametrize("form", [{}, {"input": ""}, {"voice": "alloy"}])
def test_missing_text_is_422(form):
    """FastAPI's shape, seen on the wire."""
    detail = [{"type": "missing", "loc": ["body", "input"], "msg": "Field required", "input": None}]
    assert read_form(form) == Refusal(422, {"detail": detail})


def test_long_text_is_422_and_not_sent_back():
    """The real server repeats all of it, for every log on the way."""
    refusal = read_form({"input": "a" * 3001})
    assert isinstance(refusal, Refusal)
    assert refusal.status == 422
    assert "string_too_long" in str(refusal.body)
    assert "aaa" not in str(refusal.body)
    assert read_form({"input": "a" * 3000}) == "a" * 3000


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("exaggeration", "2.5", "less_than_equal"),
        ("exaggeration", "0.1", "greater_than_equal"),
        ("cfg_weight", "-0.1", "greater_than_equal"),
        ("temperature", "nan", "greater_than_equal"),
        ("temperature", "warm", "float_parsing"),
        ("streaming_chunk_size", "49", "greater_than_equal"),
        ("streaming_chunk_size", "120.5", "int_parsing"),
    ],
)
def test_number_out_of_range_is_422(field, value, kind):
    """Each names the field and the kind of problem."""
    refusal = read_form({"input": "Hello.", field: value})
    assert isinstance(refusal, Refusal)
    detail = refusal.body["detail"]
    assert isinstance(detail, list)
    (problem,) = detail
    assert (refusal.status, problem["type"], problem["loc"]) == (422, kind, ["body", field])


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ({"input": "  "}, "invalid_request_error"),
        ({"input": "a", "streaming_strategy": "x"}, "validation_error"),
        ({"input": "a", "streaming_quality": "best"}, "validation_error"),
    ],
)
def test_what_is_no_number_is_400(form, kind):
    """These are the real server's own checks, with its own shape."""
    refusal = read_form(form)
    assert isinstance(refusal, Refusal)
    error = refusal.body["error"]
    assert isinstance(error, dict)
    assert (refusal.status, error["type"]) == (400, kind)
