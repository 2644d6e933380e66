"""The messages of the whisperx protocol."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.wire import whisperx
from voxbridge.core.wire.whisperx import Failed, Final, Partial, Peeked, Ready, Unreadable, parse

pytestmark = pytest.mark.unit


def test_start_names_the_extension_only_when_asked():
    """A plain server gets exactly its own start; the extension's keys go only to who may know them."""
    plain = {"type": "start", "userId": "42", "language": "en", "audio_format": "opus"}
    assert json.loads(whisperx.start(42, "en", extension=False)) == plain
    assert json.loads(whisperx.start(42, "en", extension=False, partials=False)) == plain
    assert json.loads(whisperx.start(42, "en", extension=True)) == {**plain, "protocol": "voxbridge/1"}
    quiet = {**plain, "protocol": "voxbridge/1", "partials": False}
    assert json.loads(whisperx.start(42, "en", extension=True, partials=False)) == quiet


def test_finalize_and_peek():
    """Numbers stand in the extension's messages only."""
    assert json.loads(whisperx.finalize(None)) == {"type": "finalize"}
    assert json.loads(whisperx.finalize(7)) == {"type": "finalize", "id": 7}
    assert json.loads(whisperx.peek(8)) == {"type": "peek", "id": 8}


@pytest.mark.parametrize(
    ("message", "means"),
    [
        ('{"type": "partial", "text": "and 0001.", "userId": "42"}', Partial("and 0001.")),
        ('{"type": "final", "text": "hello", "userId": "42"}', Final("hello")),
        ('{"type": "final", "text": ""}', Final("")),
        ('{"type":"final","text":"a","id":3,"confidence":1,"duration":2.5}', Final("a", 3, 1.0, 2.5)),
        ('{"type":"final","text":"a","noSpeech":0.5}', Final("a", no_speech=0.5)),
        ('{"type":"final","text":"a","id":"3","confidence":"high","duration":true}', Final("a")),
        ('{"type":"final","text":"a","confidence":NaN,"duration":1e999}', Final("a")),
        (f'{{"type":"final","text":"a","duration":{10**400}}}', Final("a")),
        ('{"type":"final","text":"a","more":' + "[" * 100_000 + "]" * 100_000 + "}", Unreadable()),
        ('{"type": "error", "error": "CUDA out of memory"}', Failed()),
        ('{"type": "error", "id": 4}', Failed(4)),
        ('{"type":"ready","protocol":"voxbridge/1"}', Ready()),
        ('{"type":"ready","protocol":"voxbridge/2"}', None),
        ('{"type":"peeked","id":5,"text":"he","noSpeech":0.25}', Peeked(5, "he", None, 0.25)),
        ('{"type":"peeked","id":5,"text":"he","noSpeech":0.25,"confidence":0.5}', Peeked(5, "he", 0.5, 0.25)),
        ('{"type":"peeked","text":"he"}', None),
        ('{"type":"final","text":null}', Unreadable()),
        ('{"type":"surprise"}', None),
        ("[]", Unreadable()),
        ("{", Unreadable()),
        (b"\xff\x00", Unreadable()),
        (b'{"type":"final","text":"as bytes"}', Final("as bytes")),
    ],
)
def test_parse(message, means):
    """Each message of WhisperX is read as what it means, and what has no meaning as nothing."""
    assert parse(message) == means


@given(st.one_of(st.text(), st.binary(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)))
def test_parse_never_raises(message):
    """No message raises in the reader."""
    assert parse(message) is None or isinstance(message, str | bytes)
