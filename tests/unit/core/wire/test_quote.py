"""Quoting a peer's error body without secrets, speech or markup."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.wire.quote import QUOTE_CHARS_MAX, Hidden, is_html, quotable

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("body", "quote"),
    [
        (b'{"message":"Error in workflow"}', "Error in workflow"),
        (b'{"code":404,"message":"Not here.","hint":"Look there."}', "Not here. Look there."),
        (b'{"error":{"message":"No model","type":"x"}}', "No model"),
        (b'{"error":"overloaded"}', "overloaded"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"detail":{"error":"x","message":"Too long"}}', "Too long"),
        (b'{"detail":[{"loc":["body","speed",0],"msg":"too fast","input":"what was said"}]}', "body.speed.0: too fast"),
        (b'"a JSON string"', "a JSON string"),
        (b'{"answer":"unknown fields are not quoted"}', ""),
        (b'{"message":"cut off in the mid', ""),
        (b"[1,2]", ""),
        (b"Authorization data is wrong!", "Authorization data is wrong!"),
        (b"<html><head><title>x</title></head><body><h1>502</h1>\n<p>Bad &amp; ugly</p></body>", "502 Bad & ugly"),
        (b"<script>var x = 1", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 5000, ""),
        (b"", ""),
    ],
)
def test_quotable_takes_known_messages_and_prose(body, quote):
    """Known message fields and plain prose are quoted on one line; unknown JSON, which may hold anything, is not."""
    assert quotable(body) == quote


@given(st.binary(max_size=3000))
def test_quotable_any_bytes_give_one_short_line(body):
    """A peer may send anything; the operator gets at most one short line of it."""
    line = quotable(body)
    assert len(line) <= QUOTE_CHARS_MAX
    assert len(line.splitlines()) <= 1


@given(
    speech=st.lists(st.sampled_from(["pineapple", "submarine", "zebra", "violin"]), min_size=1, max_size=6),
    before=st.sampled_from(["", "Cannot parse: ", "the "]),
)
def test_quotable_that_repeats_the_user_is_dropped(speech, before):
    """However the error embeds the transcript, in other case and punctuation too, it is not shown."""
    said = " ".join(speech)
    body = json.dumps({"message": f'{before}"{", ".join(speech).upper()}".'}).encode()
    assert quotable(body, Hidden(speech=said)) == ""


def test_quotable_short_speech_hides_only_whole_words():
    """After "the", a message with "there" in it may still be read."""
    assert quotable(b"nobody there", Hidden(speech="the")) == "nobody there"


def test_hidden_blots_out_secrets_longest_first():
    """A URL and its path are both secrets; the longer one goes first, so that no rest of it stays."""
    hidden = Hidden(secrets=("/webhook/abc", "http://host/webhook/abc", ""))
    assert hidden.clean("POST http://host/webhook/abc failed, /webhook/abc too") == "POST *** failed, *** too"
    assert "abc" not in repr(hidden)


@pytest.mark.parametrize(
    ("text", "is_page"),
    [
        ("\ufeff\n<!DOCTYPE html>", True),
        ("<HTML lang=en>", True),
        ("<p>Hi</p>", False),
        ("Hi <html>", False),
        ("", False),
    ],
)
def test_is_html(text, is_page):
    """A page is known by its first tag, not by its label."""
    assert is_html(text) is is_page
