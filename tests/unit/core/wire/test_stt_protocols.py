"""The messages of WhisperLive, Deepgram, WhisperLiveKit and OpenAI's transcriptions: read, added up, never raising."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.wire import deepgram, transcriptions, whisperlive, whisperlivekit
from voxbridge.core.wire.json_text import Malformed

pytestmark = pytest.mark.unit

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "segments", "lines", "channel", "alternatives", "transcript", "status"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(
    st.sampled_from(["type", "text", "segments", "lines", "channel", "status", "message", "buffer_transcription"]),
    JSON | st.sampled_from(["Results", "Error", "config", "error", "SERVER_READY", "WAIT"]),
)


@given(OBJECTS)
def test_nothing_a_server_sends_raises(message):
    """No JSON of a server raises in any of the readers."""
    whisperlive.parse(message)
    deepgram.parse(message)
    whisperlivekit.parse(message)
    transcriptions.parse(json.dumps(message).encode())


@given(st.binary(max_size=100))
def test_no_body_raises(body):
    """Any body is either a transcript or malformed."""
    assert isinstance(transcriptions.parse(body), Malformed | transcriptions.Heard)


# -- WhisperLive --


def test_whisperlive_options_have_every_key_that_the_server_wants():
    """The hello has each key that the server reads, and hints only if there are some."""
    sent = json.loads(whisperlive.options(uid="u", language="en", model="small", hints=("Hibari", "n8n")))
    assert sent == {
        "uid": "u",
        "language": "en",
        "task": "transcribe",
        "model": "small",
        "use_vad": True,
        "hotwords": "Hibari, n8n",
    }
    assert "hotwords" not in json.loads(whisperlive.options(uid="u", language="en", model="small", hints=()))


@pytest.mark.parametrize(
    ("message", "means"),
    [
        ({"uid": "u", "message": "SERVER_READY", "backend": "faster_whisper"}, whisperlive.Ready()),
        ({"uid": "u", "status": "WAIT", "message": 0.398}, whisperlive.Full(0.398)),
        ({"uid": "u", "message": "DISCONNECT"}, whisperlive.Over()),
        ({"uid": "u", "status": "ERROR", "message": "no such model"}, whisperlive.Failed()),
        ({"uid": "u", "status": "WARNING", "message": "..."}, None),
        ({"uid": "u", "language": "en", "language_prob": 0.9}, None),
    ],
)
def test_whisperlive_messages(message, means):
    """Each message of WhisperLive is read as what it means."""
    assert whisperlive.parse(message) == means


def test_whisperlive_text_keeps_what_was_completed_and_replaces_what_is_open():
    """A completed segment stays though later messages leave it out; an open one is replaced."""
    text = whisperlive.Text()

    def said(*segments: tuple[str, str, bool]) -> str:
        items = [{"start": start, "text": words, "completed": done} for start, words, done in segments]
        message = whisperlive.parse({"uid": "u", "segments": items})
        assert isinstance(message, whisperlive.Segments)
        return text.add(message)

    assert said(("0.500", " 1 0 0", False)) == "1 0 0"
    assert said(("0.500", " 1 0 0 0 1", False)) == "1 0 0 0 1"
    assert said(("0.500", " 1 0 0 0 1", True), ("2.500", " 9", False)) == "1 0 0 0 1 9"
    assert said(("2.500", " 9 0 2 1 0", True), ("4.000", "", False)) == "1 0 0 0 1 9 0 2 1 0", "the first was left out"
    assert said(("0.500", " 1 0 0 0 1", True), ("2.500", " 9 0 2 1 0", True)) == "1 0 0 0 1 9 0 2 1 0"


# -- Deepgram --


def result(text: str, *, is_final: bool) -> deepgram.Result:
    message = {
        "type": "Results",
        "is_final": is_final,
        "channel": {"alternatives": [{"transcript": text, "confidence": 0.9}, {"transcript": "worse"}]},
    }
    parsed = deepgram.parse(message)
    assert isinstance(parsed, deepgram.Result)
    return parsed


def test_deepgram_text_is_the_finals_one_after_the_other():
    """Deepgram's text is its finals in a row, with the open words behind them."""
    text = deepgram.Text()
    assert text.add(result("what is", is_final=False)) == "what is"
    assert text.add(result("what is the", is_final=False)) == "what is the"
    assert text.add(result("What is the", is_final=True)) == "What is the"
    assert text.add(result("weather", is_final=False)) == "What is the weather"
    assert text.add(result("", is_final=True)) == "What is the"
    assert text.add(result("weather?", is_final=True)) == text.final == "What is the weather?"
    assert text.confidence == 0.9


def test_deepgram_target_keeps_what_the_url_asks_for():
    """What the operator's URL asks for goes before what we would ask for."""
    target = deepgram.target(
        "/v1/listen?model=nova-3&smart_format=true", language="en", model="x", hints=("a b",), interim=True
    )
    assert target.startswith("/v1/listen?model=nova-3&smart_format=true&")
    assert "sample_rate=16000" in target
    assert "keyterm=a+b" in target
    assert "model=x" not in target
    assert deepgram.target("/", language="en", model="", hints=(), interim=False).startswith("/v1/listen?")


# -- WhisperLiveKit --


def test_whisperlivekit_state_is_what_is_committed_and_what_may_change():
    """A state is the words that stand and those that may change, without the marks of silence."""
    state = whisperlivekit.parse(
        {
            "status": "active_transcription",
            "lines": [
                {"speaker": 1, "text": " one zero", "start": "0:00:00.82", "end": "0:00:02.68"},
                {"speaker": -2, "text": "[silence]", "start": "0:00:02.68", "end": "0:00:04.00"},
                {"speaker": 1, "text": "nine"},
            ],
            "buffer_transcription": " oh two",
        }
    )
    assert state == whisperlivekit.State("one zero nine", "oh two")
    assert state.whole == "one zero nine oh two"
    assert whisperlivekit.parse({"type": "config", "useAudioWorklet": False}) == whisperlivekit.Config(takes_pcm=False)


def test_whisperlivekit_target():
    """The language is asked for unless the URL does, and the mode that we cannot read is taken out."""
    assert whisperlivekit.target("/", language="de") == "/asr?language=de"
    assert whisperlivekit.target("/asr?mode=diff&token=k", language="de") == "/asr?token=k&language=de"
    assert whisperlivekit.target("/asr?language=auto", language="de") == "/asr?language=auto"


# -- transcriptions --


def test_transcription_weighs_its_segments_by_their_length():
    """How sure a model is counts by the length of what it said; what is no segment counts nothing."""
    body = {
        "text": " Hello. ",
        "duration": 5.0,
        "segments": [
            {"start": 0.0, "end": 3.0, "no_speech_prob": 0.0, "avg_logprob": 0.0},
            {"start": 3.0, "end": 5.0, "no_speech_prob": 0.5, "avg_logprob": -2.5},
            {"start": 5.0, "end": 5.0, "no_speech_prob": 1.0, "avg_logprob": -9.0},
            "nonsense",
        ],
    }
    heard = transcriptions.parse(json.dumps(body).encode())
    assert isinstance(heard, transcriptions.Heard)
    assert (heard.text, heard.duration_s) == ("Hello.", 5.0)
    assert heard.no_speech == pytest.approx(0.2)
    assert heard.confidence == pytest.approx(0.3679, abs=1e-4)
    assert transcriptions.parse(b'{"text": ""}') == transcriptions.Heard("")


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b" \n", "empty"), (b"<html>", "not JSON"), (b'{"text": 1}', "JSON without a text"), (b"\xff", "not UTF-8")],
)
def test_transcription_that_is_none(body, reason):
    """A body without words that can be read says what it is instead."""
    assert transcriptions.parse(body) == Malformed(reason)
