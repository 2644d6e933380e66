"""The log: one pipe, fit for people, machines and journald; nothing in it that must not be read."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
import structlog

from voxbridge.config.service import LogSettings
from voxbridge.errors import StageUnavailable
from voxbridge.ops import logs
from voxbridge.ops.masking import SecretMask

pytestmark = pytest.mark.unit

TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAw.GaBcDe.abcdefghijklmnopqrstuvwxyz01234567890"
WEBHOOK = "https://n8n.example.org/webhook/6f1c2f9e-1b2a?key=k3y-of-it"
SECRETS = (TOKEN, WEBHOOK, "Bearer s3cr3t-value", 'quo"ted\nvalue')


@attrs.frozen
class Log:
    """A configured log and what was written to it."""

    out: io.StringIO

    def configure(self, *, secrets: tuple[str, ...] = SECRETS, **settings: Any) -> None:
        logs.configure(LogSettings(**{"format": "json", **settings}), secrets, stream=self.out, environ={})

    @property
    def text(self) -> str:
        return self.out.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Leave logging as it was found, for the other tests."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIETEST}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def log() -> Log:
    return Log(io.StringIO())


def test_event_is_one_json_line_with_its_fields_and_context(log: Log) -> None:
    """A machine finds time, level, event, logger, the bound context and the fields."""
    log.configure()
    with structlog.contextvars.bound_contextvars(guild="1", speaker="2", turn="t-1"):
        structlog.get_logger("voxbridge.x").info("turn done", stt_ms=312.5)
    (line,) = log.lines
    assert list(line)[:7] == ["timestamp", "level", "event", "logger", "guild", "speaker", "turn"]
    assert line["event"] == "turn done"
    assert line["level"] == "info"
    assert line["stt_ms"] == 312.5


def test_stdlib_records_go_the_same_way(log: Log) -> None:
    """discord.py's and hypercorn's lines look like ours, and are masked like ours."""
    log.configure()
    logging.getLogger("hypercorn.error").warning("token %s", TOKEN, extra={"text_pii": "hello"})
    (line,) = log.lines
    assert (line["event"], line["logger"], line["level"]) == ("token ***", "hypercorn.error", "warning")
    assert line["text_pii"] == "(5 characters)"


def test_level_counts_for_all_but_loggers_that_tell_secrets(log: Log) -> None:
    """At debug level discord.py stays at info and httpx at warning, whatever the operator asks."""
    log.configure(level="debug")
    structlog.get_logger("voxbridge.x").debug("ours")
    for name in ("discord.gateway", "discord.voice_state", "discord.http", "trio-websocket"):
        logging.getLogger(name).debug("told by %s", name)
        logging.getLogger(name).info("allowed")
    for name in ("httpx", "httpcore.http11"):
        logging.getLogger(name).info("told by %s", name)
    assert [line["event"] for line in log.lines] == ["ours", *["allowed"] * 4]


def test_quieter_level_counts_for_everybody(log: Log) -> None:
    """An operator who wants errors only gets errors only."""
    log.configure(level="error")
    structlog.get_logger("voxbridge.x").warning("ours")
    logging.getLogger("discord.client").warning("theirs")
    logging.getLogger("httpx").error("seen")
    assert [line["event"] for line in log.lines] == ["seen"]


@pytest.mark.parametrize("format_", ["json", "console"])
@pytest.mark.parametrize(
    "said",
    [
        TOKEN,
        f"connecting with {TOKEN}!",
        WEBHOOK,
        "POST /webhook/6f1c2f9e-1b2a?key=k3y-of-it HTTP/1.1",
        "path /webhook/6f1c2f9e-1b2a",
        "id 6f1c2f9e-1b2a",
        "Authorization: Bearer s3cr3t-value",
        "s3cr3t-value",
        'quo"ted\nvalue',
    ],
)
def test_known_secret_is_masked_wherever_it_turns_up(log: Log, format_: str, said: str) -> None:
    """In the message, in a field, nested, in an exception, in an argument of a stdlib record."""
    log.configure(format=format_, speech=True)
    ours = structlog.get_logger("voxbridge.x")
    ours.info(said, field=said, nested={"list": [said]}, secret_object=ValueError(said))
    logging.getLogger("lib").error("argument %s", said)
    try:
        raise ValueError(said)
    except ValueError:
        ours.exception("failed")
    for secret in (TOKEN, "6f1c2f9e-1b2a", "k3y-of-it", "s3cr3t-value", 'quo"ted', 'quo\\"ted'):
        assert secret not in log.text, f"{secret} is in the log: {log.text}"


def test_unknown_bot_token_and_credentials_in_a_url_are_masked(log: Log) -> None:
    """Shapes that are secret by themselves need not be configured to be masked."""
    log.configure(secrets=())
    structlog.get_logger("x").info("seen", a=f"Bot {TOKEN}", b="http://user:pass@host/path", token="plain")
    (line,) = log.lines
    assert (line["a"], line["b"], line["token"]) == ("Bot ***", "http://***@host/path", "***")


def test_words_of_everyday_do_not_blacken_the_log() -> None:
    """The "1" of a header, a scheme's name and the word that a webhook is called by occur everywhere."""
    mask = SecretMask(["1", "", "Bearer s3cr3t-value", "https://n8n.example.org/webhook/assistant"])
    for line in ("1 of 11 frames", "Bearer of news", "the assistant answers", "n8n.example.org refuses"):
        assert mask(line) == line
    assert mask("GET /webhook/assistant") == "GET ***"


@pytest.mark.parametrize(("speech", "seen"), [(False, "(11 characters)"), (True, "hello there")])
def test_speech_is_told_only_if_asked_for(log: Log, speech: bool, seen: str) -> None:
    """Keys with a pii segment hold what people said."""
    log.configure(speech=speech)
    structlog.get_logger("x").info("heard", transcript_pii="hello there", happy="hello there")
    (line,) = log.lines
    assert line["transcript_pii"] == seen
    assert line["happy"] == "hello there"


def test_foreign_exception_is_told_without_its_words(log: Log) -> None:
    """A server's error may quote the sentence it was sent; our own errors never do, and keep their text."""
    log.configure()
    try:
        try:
            raise ValueError("422: input was 'my secret wish'")
        except ValueError as error:
            raise StageUnavailable("tts", "refused by the server") from error
    except StageUnavailable:
        structlog.get_logger("x").exception("failed")
    (line,) = log.lines
    story = str(line["exception"])
    assert "my secret wish" not in story.replace("""raise ValueError("422: input was 'my secret wish'")""", "")
    assert "ValueError: (withheld" in story
    assert "StageUnavailable: tts: refused by the server" in story
    assert story.index("ValueError:") < story.index("which led to") < story.index("StageUnavailable:")


def test_exception_group_is_told_to_its_leaves(log: Log) -> None:
    """Trio's nurseries wrap what they raise; the leaves are what matters."""
    log.configure()
    try:
        raise ExceptionGroup("nursery", [ConnectionRefusedError(111, "Connection refused"), KeyError("who")])
    except ExceptionGroup:
        structlog.get_logger("x").exception("crashed")
    story = str(log.lines[0]["exception"])
    assert "ConnectionRefusedError: [Errno 111] Connection refused" in story
    assert "KeyError: (withheld" in story


def test_journal_gets_a_level_before_each_line() -> None:
    """journald takes <N> at the start of a line as its level, also in the middle of a traceback."""
    read, write = os.pipe()
    found = os.fstat(write)
    with os.fdopen(write, "w") as stream, os.fdopen(read) as reader:
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert logs.is_journal(stream, environ)
        assert not logs.is_journal(stream, {"JOURNAL_STREAM": "1:2"})
        assert not logs.is_journal(stream, {})
        assert not logs.is_journal(io.StringIO(), environ)
        logs.configure(LogSettings(level="debug", format="console"), stream=stream, environ=environ)
        for level_name in ("debug", "info", "warning", "error", "critical"):
            getattr(structlog.get_logger("x"), level_name)("first", stack="second")
        stream.flush()
        prefixes = [reader.readline()[:3] for _ in range(10)]
    assert prefixes == [f"<{number}>" for number in (7, 7, 6, 6, 4, 4, 3, 3, 2, 2)]


@pytest.mark.parametrize("format_", ["console", "json"])
def test_what_a_terminal_would_obey_is_written_out(log: Log, format_: str) -> None:
    """A name that clears the screen or turns the writing round is seen and not obeyed; nor is it a line of its own."""
    log.configure(format=format_, speech=True)
    structlog.get_logger("x").info("joined", name_pii="Eve\x1b[2J\u202e", people=["\x9b31m", {"a": "\x07"}])
    logging.getLogger("discord.gateway").warning("Guild %s has gone", "Eve's\x1b]0;title\x07\u2066\nforged")
    assert not set(log.text) & set("\x1b\x07\x9b\u202e\u2066")
    assert r"Eve\x1b[2J\u202e" in log.text.replace("\\\\", "\\")
    assert len(log.text.splitlines()) == 2


def test_a_library_that_says_the_same_again_and_again_is_heard_three_times(log: Log) -> None:
    """Without file descriptors Trio says so ten times a second, with a traceback; what we say is never left out."""
    log.configure()
    for number in range(50):
        logging.getLogger("trio.serve_listeners").error("accept returned %s (%s); retrying", "EMFILE", number)
        structlog.get_logger("voxbridge.x").info("turn")
    said = [line["logger"] for line in log.lines]
    assert said.count("trio.serve_listeners") == 3
    assert said.count("voxbridge.x") == 50


def test_configuring_again_replaces_what_was_there(log: Log) -> None:
    """A reload changes the level and does not write every line twice."""
    log.configure(level="error")
    log.configure(level="info")
    structlog.get_logger("x").info("once")
    assert [line["event"] for line in log.lines] == ["once"]
