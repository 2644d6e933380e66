"""Every reader of bytes that come from outside, each with what a real peer sends it.

A reader here is a function: bytes, and where they are cut, in; something that can be compared out. Whatever it raises
but the errors that it names is a fault, and so is another result for another cut.
"""

from __future__ import annotations

import codecs
import json
import tempfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs

from tests.support.cuts import cut
from voxbridge.audio.speech_reader import DecoderMissingError, SpeechReader
from voxbridge.config import load
from voxbridge.config.secrets import Secret
from voxbridge.core.agents.answer_reader import AnswerReader, Delta, Ended, Values
from voxbridge.core.agents.chat import DifyValues, OllamaValues, OpenAiValues
from voxbridge.core.agents.said import Said
from voxbridge.core.agents.tts_options import parse_tts_options
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import OpusPacket
from voxbridge.core.text.numbers import in_words
from voxbridge.core.text.phantoms import heard
from voxbridge.core.text.speakable import SpokenPieces
from voxbridge.core.text.terminal import visible, visible_lines
from voxbridge.core.turns.addressing import said_name
from voxbridge.core.turns.endpointing import Endpointer
from voxbridge.core.wire import deepgram, transcriptions, whisperlive, whisperlivekit, whisperx
from voxbridge.core.wire.inflate import Inflater, UnreadableError
from voxbridge.core.wire.json_text import JsonLine, json_value, parse_json
from voxbridge.core.wire.ndjson import NdjsonReader
from voxbridge.core.wire.ogg import OggError, OggReader, OpusHead
from voxbridge.core.wire.quote import Hidden, quotable
from voxbridge.core.wire.rtp import build_header, classify
from voxbridge.core.wire.sound_kind import NotSoundError, labelled_rate_hz, sound_kind
from voxbridge.core.wire.sse import SseReader
from voxbridge.core.wire.wav import WavError, WavReader, streaming_header
from voxbridge.core.wire.wyoming import AudioFormat, WyomingEvent, WyomingReader, encode_event, entries
from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.receiver import Receiver
from voxbridge.discord.seal import TransportKey
from voxbridge.errors import ConfigError, StageError
from voxbridge.session.ear import Ear
from voxbridge.stages.agent.api import api_refusal
from voxbridge.stages.agent.model import names_in
from voxbridge.stages.agent.openai import OpenAiAgentSettings
from voxbridge.stages.agent.outcome import outcome_error
from voxbridge.stages.agent.refusal import methods_taken, refusal
from voxbridge.stages.http_status import retry_after_s, status_error
from voxbridge.stages.stt.takes import json_object
from voxbridge.stages.tts.chatterbox_probe import judge_health
from voxbridge.stages.tts.probing import voice_names
from voxbridge.stages.ws import refused_upgrade

_CONFIGURATION = Path(tempfile.mkdtemp(prefix="voxbridge-fuzz-")) / "voxbridge.toml"
_SAID_BYTES = 16_000  # turn.answer_chars_max is 4,000 letters
_SENTENCE_BYTES = 1_000
HIDDEN = Hidden(secrets=("s3cret",), speech="is it sunny in Boston today")


@attrs.frozen
class Reader:
    """``read``: takes the pieces, returns what they mean. ``errors``: what it may raise. ``seeds``: what peers send."""

    name: str
    read: Callable[[list[bytes]], object]
    seeds: tuple[bytes, ...]
    errors: tuple[type[Exception], ...] = ()
    is_cut: bool = True
    """The bytes may come in any pieces; else the reader is given a whole message."""

    def meaning(self, data: bytes, at: list[int]) -> object:
        """Return what the bytes mean, or the name of the error that they are."""
        try:
            return self.read(cut(data, at) if self.is_cut else [data])
        except self.errors as error:
            return type(error).__name__


def _json(*values: object) -> tuple[bytes, ...]:
    return tuple(json.dumps(value).encode() for value in values)


def _n8n(kind: str, content: object, node: str = "AI Agent") -> bytes:
    line = {"type": kind, "content": content, "metadata": {"nodeId": node, "nodeName": node, "itemIndex": 0}}
    return json.dumps(line).encode() + b"\n"


def _sse(*events: object, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return "".join(f"{head}data: {json.dumps(event)}\n\n" for event in events).encode()


ANSWERS = (
    _n8n("begin", None) + _n8n("item", "Hello ") + _n8n("item", "there.") + _n8n("end", None),
    _n8n("item", '{"output": "Hello."}', "Respond") + _n8n("error", None),
    *_json({"output": "Hello."}, [{"text": "a"}, {"text": "b"}], {"message": "Workflow was started"}, "Hello."),
    b'{\n  "output": {\n    "content": "Hello."\n  }\n}',
    b"Hello there, this is plain text.",
    b"<!doctype html><html><body>Bad gateway</body></html>",
    _sse({"choices": [{"delta": {"content": "Hi"}, "finish_reason": None}]}, {"choices": [], "usage": {}})
    + b"data: [DONE]\n\n",
    _sse({"type": "response.output_text.delta", "delta": "Sunny."}, name="response.output_text.delta"),
    _sse({"type": "text-delta", "id": "1", "delta": "It is "}),
    b'{"message":{"role":"assistant","content":"Hi"},"done":false}\n{"done":true,"done_reason":"stop"}\n',
    _sse({"event": "message", "answer": "Hi", "task_id": "t", "conversation_id": "c"}, {"event": "message_end"}),
    b'{"output": "\\ud83d"}\n{"output": "\\ude00 <think>no</think> yes"}\n',
    b": ping\n\nevent: token\ndata: word\n\nid: 7\nretry: 10\ndata\n\n",
)


def _answer(values: Callable[[Said], Values] | None = None, content_type: str = "") -> Callable[[list[bytes]], object]:
    def read(pieces: list[bytes]) -> object:
        reader = AnswerReader(content_type=content_type, values=values)
        events = [event for piece in pieces for event in reader.feed(piece)] + reader.end()
        ends = [event for event in events if isinstance(event, Ended)]
        assert len(ends) == 1, f"the answer ended {len(ends)} times"
        error = outcome_error(ends[0], backend="test", hidden=HIDDEN, failed="the agent failed", retry_empty=False)
        text = "".join(event.text for event in events if isinstance(event, Delta))
        text.encode()  # what is said can be written down
        str(error).encode()
        return text, ends[0].outcome

    return read


def _lines(pieces: list[bytes]) -> object:
    reader = NdjsonReader()
    return [line for piece in pieces for line in reader.feed(piece)] + reader.end()


def _events(pieces: list[bytes]) -> object:
    reader = SseReader()
    return [event for piece in pieces for event in reader.feed(piece)] + reader.end()


def _inflated(encoding: str) -> Callable[[list[bytes]], object]:
    def read(pieces: list[bytes]) -> object:
        inflater = Inflater(encoding)
        return zlib.crc32(b"".join(step for piece in pieces for step in inflater.feed(piece)))

    return read


def _value(pieces: list[bytes]) -> object:
    (data,) = pieces
    parsed = parse_json(data)
    if isinstance(parsed, JsonLine):
        json.dumps(parsed.value, ensure_ascii=False, allow_nan=False).encode()
        return "a value"
    return parsed


def _wyoming(pieces: list[bytes]) -> object:
    reader = WyomingReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    for event in events:
        if isinstance(event, WyomingEvent):
            AudioFormat.of(event)
            event.text("text")
            for key in ("asr", "tts"):
                voice_names(entries(event.data.get(key), "voices"))
    return [*events, reader.end()]


def _ogg(pieces: list[bytes]) -> object:
    reader = OggReader()
    packets = [packet for piece in pieces for packet in reader.feed(piece)]
    return packets, [OpusHead.of(packet) for packet in packets], reader.granule, reader.has_ended


def _wav(pieces: list[bytes]) -> object:
    reader = WavReader()
    samples = b"".join(reader.feed(piece) for piece in pieces)
    reader.finish()
    return samples, reader.format, reader.is_over


def _speech(content_type: str, asked: str) -> Callable[[list[bytes]], object]:
    def read(pieces: list[bytes]) -> object:
        reader = SpeechReader(content_type=content_type, asked=asked)
        sounds = [*(reader.feed(piece) for piece in pieces), *reader.finish()]
        return sum(0 if sound is None else len(sound.data) for sound in sounds)

    return read


def _whisperlive(pieces: list[bytes]) -> object:
    (data,) = pieces
    parsed = whisperlive.parse(json_object(data, "test"))
    if isinstance(parsed, whisperlive.Segments):
        text = whisperlive.Text()
        text.add(parsed).encode()
    return parsed


def _deepgram(pieces: list[bytes]) -> object:
    (data,) = pieces
    parsed = deepgram.parse(json_object(data, "test"))
    if isinstance(parsed, deepgram.Result):
        text = deepgram.Text()
        text.add(parsed).encode()
        return text.final, text.confidence
    return parsed


def _refusals(pieces: list[bytes]) -> object:
    """Read an error's body and headers in every way a stage does."""
    (data,) = pieces
    text = data.decode("latin-1")
    headers = {"retry-after": text[:40], "date": text[40:80], "allow": text, "content-type": text[:20]}
    agent = OpenAiAgentSettings(url=Secret("http://agent.example/v1"), model="m")
    found: list[object] = [quotable(data, HIDDEN), retry_after_s(headers), methods_taken(404, headers, data)]
    for status in (301, 401, 404, 422, 429, 500, 503):
        found.append(str(status_error("tts", status, headers, data, hidden=HIDDEN)))
        found.append(str(refusal(status, headers, data, backend="n8n", hidden=HIDDEN, is_test_url=False)))
        found.append(str(api_refusal(status, headers, data, backend="openai", hidden=HIDDEN, settings=agent)))
    return found


def _lists(pieces: list[bytes]) -> object:
    """Read a body that a probe asks for."""
    (data,) = pieces
    value = json_value(data)
    try:
        health = judge_health(value, "test")
    except StageError as error:
        health = str(error)
    return health, voice_names(value), names_in(data, "data", "id"), names_in(data, "models", "name")


def _upgrade(pieces: list[bytes]) -> object:
    """Read the head of an answer that refuses a WebSocket."""
    (data,) = pieces
    return str(refused_upgrade(429, data, "stt", "test")), str(refused_upgrade(404, data, "stt", "test"))


def _kind(pieces: list[bytes]) -> object:
    (data,) = pieces
    label = data[:40].decode("latin-1")
    return sound_kind(data[:64], label, "wav"), labelled_rate_hz(label)


def _options(pieces: list[bytes]) -> object:
    (data,) = pieces
    return parse_tts_options(data.decode("utf-8", "replace"))


def _spoken(pieces: list[bytes]) -> object:
    """Make of an answer what is said of it; much more than may be said is never read."""
    data = b"".join(pieces)[:_SAID_BYTES]
    pieces = [data[: len(pieces[0])], data[len(pieces[0]) :]]
    decoder, spoken = codecs.getincrementaldecoder("utf-8")("replace"), SpokenPieces()
    said = [piece for data in pieces for piece in spoken.feed(decoder.decode(data))]
    return " ".join([*said, *spoken.feed(decoder.decode(b"", final=True)), *spoken.flush()])


def _numbers(pieces: list[bytes]) -> object:
    """Say the numbers of a sentence in words."""
    text = pieces[0][:_SENTENCE_BYTES].decode("utf-8", "replace")
    return [in_words(text, language) for language in ("en", "hi")]


def _configuration(pieces: list[bytes]) -> object:
    """Read a configuration, as at the start and with each SIGHUP."""
    _CONFIGURATION.write_bytes(pieces[0])
    return type(load(_CONFIGURATION, {})).__name__


def _transcript(pieces: list[bytes]) -> object:
    (data,) = pieces
    text = data.decode("utf-8", "replace")
    return heard(text, sound_s=600.0), visible(text), visible_lines(text), said_name(text)


class _NoEncryption:
    version, is_ready, epoch = 0, True, None

    def members(self) -> list[UserId]:
        return []

    def open(self, user_id: UserId, frame: bytes) -> bytes:  # noqa: ARG002 - nothing is encrypted
        return frame


class _NoDetector:
    def feed(self, pcm: bytes) -> list[float]:
        return [1.0] * (len(pcm) // 1024)

    def reset(self) -> None:
        pass


def _voice(pieces: list[bytes]) -> object:
    """Take what a member sends, in packets as the voice server seals them, all the way to the ear."""
    (data,) = pieces
    key, counters, ear = TransportKey(bytes(32)), VoiceCounters(), Ear(Endpointer(), _NoDetector())
    events: list[object] = []

    def deliver(packet: OpusPacket) -> None:
        ear.push(packet)
        events.extend(type(event).__name__ for event in ear.pull(packet.arrived_at))

    receiver = Receiver(
        UserId(1), _NoEncryption(), counters, require_e2ee=False, deliver=deliver, advise=lambda _advice: None
    )
    receiver.key = TransportKey(bytes(32))
    receiver.assign(7, UserId(2), 0.0)
    for number, at in enumerate(range(0, min(len(data), 8000), 160)):
        # the first bytes say which sequence number and time a packet claims, the others are what it holds
        chunk = data[at : at + 160]
        header = build_header(int.from_bytes(chunk[:2], "big"), int.from_bytes(chunk[2:6], "big"), 7)
        receiver.feed(data[at : at + 40], number * 0.02)
        receiver.feed(key.seal(header, chunk[6:]), number * 0.02)
    return len(events), ear.next_due()


def _message(parse: Callable[[bytes], object]) -> Callable[[list[bytes]], object]:
    return lambda pieces: parse(pieces[0])


_PACKED = tuple(
    packer.compress(b'{"output": "Hello there."}' * 40) + packer.flush()
    for packer in (zlib.compressobj(wbits=31), zlib.compressobj(wbits=15), zlib.compressobj(wbits=-15))
)
_OPUS_HEAD = b"OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"


def _page(packets: Iterable[bytes], *, flags: int = 0, granule: int = 960) -> bytes:
    sizes, bodies = b"", b""
    for packet in packets:
        sizes += b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
        bodies += packet
    head = b"OggS\0" + bytes([flags]) + granule.to_bytes(8, "little") + b"\x01\0\0\0" + bytes(8)
    return head + bytes([len(sizes)]) + sizes + bodies


_OGG = _page([_OPUS_HEAD], flags=2) + _page([b"OpusTags" + bytes(8)]) + _page([b"\x0b\xe4", b"\x0b\xe4\x01"], flags=4)
_WAV = streaming_header() + bytes(range(256)) * 4
_WHISPERLIVE = _json(
    {"uid": "a", "message": "SERVER_READY", "backend": "x"},
    {"uid": "a", "status": "WAIT", "message": 1.5},
    {"uid": "a", "segments": [{"start": "0.0", "end": "1.0", "text": " Hi", "completed": True}]},
)
_RESULT = {"type": "Results", "is_final": True, "channel": {"alternatives": [{"transcript": "hi", "confidence": 0.9}]}}
_WYOMING = b"".join(
    encode_event(event)
    for event in (
        WyomingEvent("info", {"tts": [{"name": "p", "voices": [{"name": "v"}]}], "asr": [{"models": [{"name": "m"}]}]}),
        WyomingEvent("audio-chunk", {"rate": 22050, "width": 2, "channels": 1}, bytes(64)),
        WyomingEvent("transcript", {"text": "hello"}),
    )
)
_ERRORS = (
    *_json(
        {"message": "Error in workflow", "hint": "x"},
        {"detail": [{"loc": ["body", "input"], "msg": "too long", "input": "is it sunny"}]},
        {"detail": [{"loc": None, "msg": "no"}, None, 3]},
        {"error": {"message": "quota", "code": "insufficient_quota", "type": "x"}},
    ),
    b"<html><head><title>502</title></head><body>Bad gateway</body></html>",
    b"Wed, 21 Oct 2015 07:28:30 GMT           Wed, 21 Oct 2015 07:28:00 GMT",
    b"9" * 400,
)

READERS: tuple[Reader, ...] = (
    Reader("json", _value, _json({"a": [1, 2.5, None, "x"]}, [[[1]]]), is_cut=False),
    Reader("json lines", _lines, ANSWERS),
    Reader("server-sent events", _events, ANSWERS),
    Reader("answer", _answer(), ANSWERS),
    Reader("answer in an event stream", _answer(content_type="text/event-stream"), ANSWERS),
    Reader("answer labelled JSON", _answer(content_type="application/json"), ANSWERS),
    Reader("answer of OpenAI's API", _answer(OpenAiValues), ANSWERS),
    Reader("answer of Ollama's API", _answer(OllamaValues), ANSWERS),
    Reader("answer of Dify's API", _answer(DifyValues), ANSWERS),
    Reader("gzip", _inflated("gzip"), _PACKED, (UnreadableError,)),
    Reader("deflate", _inflated("deflate"), _PACKED, (UnreadableError,)),
    Reader("refusals", _refusals, _ERRORS, is_cut=False),
    Reader(
        "probed lists",
        _lists,
        _json(
            {"status": "healthy", "model_loaded": True, "device": "cpu"},
            {"voices": [{"name": "a"}, "b"]},
            {"data": [{"id": "m"}], "models": [{"name": "n"}]},
            {"status": "error", "initialization_error": "no GPU"},
        ),
        is_cut=False,
    ),
    Reader(
        "refused upgrade",
        _upgrade,
        (b"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Type: text/html; charset=x\r\n\r\n",),
        is_cut=False,
    ),
    Reader("X-TTS-Options", _options, _json({"voice": "a", "exaggeration": 0.5, "speed": 1}), is_cut=False),
    Reader(
        "whisperx",
        _message(whisperx.parse),
        _json(
            {"type": "final", "text": "hi", "id": 1, "confidence": 0.5, "duration": 1.5},
            {"type": "peeked", "text": "hi", "id": 1, "noSpeech": 0.1},
            {"type": "ready", "protocol": "voxbridge/1"},
        ),
        is_cut=False,
    ),
    Reader("whisperlive", _whisperlive, _WHISPERLIVE, (StageError,), is_cut=False),
    Reader(
        "whisperlivekit",
        lambda pieces: whisperlivekit.parse(json_object(pieces[0], "test")),
        _json({"lines": [{"text": " a", "speaker": 1}], "buffer_transcription": "b"}, {"type": "config"}),
        (StageError,),
        is_cut=False,
    ),
    Reader("deepgram", _deepgram, _json(_RESULT, {"type": "Error"}), (StageError,), is_cut=False),
    Reader(
        "transcriptions",
        _message(transcriptions.parse),
        _json({"text": "hi", "duration": 1, "segments": [{"start": 0, "end": 1, "avg_logprob": -0.2}]}),
        is_cut=False,
    ),
    Reader("wyoming", _wyoming, (_WYOMING, b"\n\n" + _WYOMING)),
    Reader("ogg", _ogg, (_OGG,), (OggError,)),
    Reader("wav", _wav, (_WAV, b"RF64" + _WAV[4:]), (WavError,)),
    Reader(
        "kind of sound",
        _kind,
        (_WAV, _OGG, b"audio/mpeg;rate=24000", b"\xff\xfb\x90\0"),
        (NotSoundError,),
        is_cut=False,
    ),
    Reader("speech", _speech("", "wav"), (_WAV, _OGG), (NotSoundError, DecoderMissingError)),
    Reader("speech, raw", _speech("audio/pcm", "pcm"), (bytes(range(256)),), (NotSoundError, DecoderMissingError)),
    Reader("what is said", _spoken, (*ANSWERS, b'{"a": ' * 3, b"# Hi\n\n- **one** `two`\n\n```py\n3\n```\n")),
    Reader(
        "numbers in words",
        _numbers,
        (
            b"On 2024-05-03 at 12:30 it cost $1,234.50, 3/4 of 20% less; call +49 30 1234567, v2.0.1.",
            b"-1 \xe2\x82\xac",
        ),
        is_cut=False,
    ),
    Reader(
        "transcript and names", _transcript, (b"Thanks for watching! [Music] hello", b"\x1b[31mAda\x07"), is_cut=False
    ),
    Reader(
        "configuration",
        _configuration,
        (
            b"[endpointing]\nvad_threshold = 0.5\ncommit_ms = ",  # and then the poison
            b'[discord]\ntoken = "abc"\njoin = ["1:2"]\n[endpointing]\ncommit_ms = 500\nvad_threshold = 0.5\n',
            b'[stt]\nkind = "whisperx"\nurl = "ws://h:1"\n[tts.lexicon.en]\nSQL = "sequel"\n[log]\nlevel = "info"\n',
        ),
        (ConfigError,),
        is_cut=False,
    ),
    Reader("voice path", _voice, (bytes(160), bytes(range(256)) * 5), is_cut=False),
    Reader("datagram", _message(classify), (b"\x80\x78\0\x01\0\0\0\x02\0\0\0\x03" + bytes(40),), is_cut=False),
)
