"""What the operator reads when a speech-to-text server fails, in each way it can; and that the next utterance works.

One table for all kinds: the fault, the error's class and sentence, and how often the server was asked. The speaker's
words are lost only where the table names an error; a fault that passes costs nothing.
``python -m tests.integration.stages.stt.stt_faults`` writes what came of the cases into docs/stt-faults.md.
"""

from __future__ import annotations

import logging
import pathlib
from typing import Any

import attrs
import structlog
import trio
import trio.testing

from tests.support.stt_kinds import HOST, KINDS, LATENCY_S, PORT, Kind, feed, speaker
from tests.support.stt_spoiling import WEBSOCKETS, WHISPERX, mend, spoil, times_asked, whisperx_script
from voxbridge.config.stages import SttSettings
from voxbridge.errors import StageError, StageProtocolError, StageRefused, StageTimeout, StageUnavailable
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.hearing import HearingScript

PAGE = pathlib.Path(__file__).parents[4] / "docs" / "stt-faults.md"
WORDS = range(15)
NEXT = (1, 2)
LIMIT_S = 5.0
MANY = 5
"""Asked until the time was over, after pauses of 0.25, 0.5, 1 and 2 s (the longest that the jitter draws)."""


@attrs.frozen
class Case:
    """One fault of one kind, and what comes of it. ``error`` None: the transcript comes all the same."""

    kind: str
    fault: str
    error: type[StageError] | None
    says: str = ""
    asked: int | range = 1
    """Connections (of uploads: requests) that the server saw for this utterance; see ``AHEAD``."""
    is_at_limit: bool = False
    """The error comes when the time is over, and at that instant."""

    def __str__(self) -> str:
        return f"{self.kind}-{self.fault}"


AHEAD = {"wyoming": 1, "deepgram": 1}
"""So many connections more may be seen of kinds that connect ahead, in that no try of an utterance has failed yet."""

NOT_JSON = "a message that is not JSON"
# What two kinds make of it is seen when the server hangs up behind it: of the utterance it has said nothing.
NO_TEXT = {
    "whisperx": (StageProtocolError, "a final without a text", 2),
    "whisperlive": (StageProtocolError, "segments that cannot be read", 3),
    "deepgram": (StageUnavailable, "connection to the server was lost", 3),
    "whisperlivekit": (StageUnavailable, "connection to the server was lost", 3),
}
STATUSES = {
    "401": (StageRefused, r"refuses our credentials"),
    "403": (StageRefused, r"refuses our credentials"),
    "404": (StageRefused, r"refuses the request|does not speak WebSocket on this path"),
    "422": (StageRefused, r"refuses the request|does not speak WebSocket on this path"),
    "500": (StageUnavailable, r"cannot serve now"),
    "503": (StageUnavailable, r"cannot serve now"),
}


def _websocket_cases(kind: str) -> list[Case]:
    cases = [
        Case(kind, "refused", StageUnavailable, "connection refused: the server is not running", 0, True),
        Case(kind, "dns", StageUnavailable, "host name cannot be resolved", 0, True),
        Case(kind, "tls", StageUnavailable, "TLS handshake failed", MANY, True),
        Case(kind, "hang before the upgrade", StageTimeout, "total deadline of 5000 ms", range(1, 6), True),
        Case(kind, "hang after", StageTimeout, "total deadline of 5000 ms", range(1, 6), True),
        Case(kind, "slow drip", StageTimeout, "total deadline of 5000 ms", 1, True),
        Case(kind, "truncated", StageUnavailable, "connection to the server was lost", 3),
        Case(kind, "reset mid-word", None, asked=2),
        Case(kind, "wrong type", StageProtocolError, "that is not this protocol's", 3),
        Case(kind, "html page", StageRefused, r"a web page answers there.*HTTP 200", 1),
        Case(kind, "200 empty", StageRefused, r"does not speak WebSocket on this path \(HTTP 200\)", 1),
        Case(kind, "429", StageUnavailable, r"cannot serve now \(HTTP 429\)", range(4, 7)),
        Case(kind, "429 for a minute", StageUnavailable, r"cannot serve now \(HTTP 429\)", 1),
        Case(kind, "huge line", StageProtocolError, "larger than 1 MiB", 3),
        Case(kind, "invalid utf-8", StageProtocolError, "broke the WebSocket protocol", 3),
        Case(kind, "invalid json", StageProtocolError, NOT_JSON, 3),
        Case(kind, "no text", *NO_TEXT[kind]),
    ]
    for status, (error, says) in STATUSES.items():
        is_refusal = error is StageRefused
        says = rf"({says}) \(HTTP {status}"
        cases.append(Case(kind, status, error, says, 1 if is_refusal else MANY, not is_refusal))
    return cases


# The one warm connection: a loss is repeated as long as the time allows, nonsense in place of a final once.
WHISPERX_DIFFERS: dict[str, dict[str, Any]] = {
    "hang after": {"asked": 1},
    "truncated": {"asked": MANY, "is_at_limit": True},
    "wrong type": {"asked": 2},
    "invalid json": {"asked": 2},
    "huge line": {"asked": 2},
    "invalid utf-8": {"asked": 2},
}
WHISPERX_CASES = [attrs.evolve(case, **WHISPERX_DIFFERS.get(case.fault, {})) for case in _websocket_cases("whisperx")]

CASES = [
    *WHISPERX_CASES,
    *[case for kind in WEBSOCKETS for case in _websocket_cases(kind)],
    # uploads: a server that has the whole utterance and fails is asked three times
    Case("openai", "refused", StageUnavailable, "connection refused: the server is not running", 0, True),
    Case("openai", "dns", StageUnavailable, "host name cannot be resolved", 0, True),
    Case("openai", "tls", StageUnavailable, "TLS handshake failed", 0, True),
    Case("openai", "hang before the upgrade", StageTimeout, "total deadline of 5000 ms", 1, True),
    Case("openai", "hang after", StageTimeout, "total deadline of 5000 ms", 1, True),
    Case("openai", "slow drip", StageTimeout, "total deadline of 5000 ms", 1, True),
    Case("openai", "truncated", StageProtocolError, "in the middle of its answer", 3),
    Case("openai", "reset mid-word", None, asked=2),
    Case("openai", "wrong type", StageProtocolError, "the answer is JSON without a text: check stt.url", 3),
    Case("openai", "html page", StageProtocolError, "the answer is a web page: check stt.url", 3),
    Case("openai", "200 empty", StageProtocolError, "the answer is empty: check stt.url", 3),
    Case("openai", "429", StageUnavailable, r"cannot serve now \(HTTP 429\)", 3),
    Case("openai", "429 for a minute", StageUnavailable, r"cannot serve now \(HTTP 429\)", 1),
    Case("openai", "huge line", StageProtocolError, "the answer is larger than 1 MiB", 3),
    Case("openai", "invalid utf-8", StageProtocolError, "the answer is not UTF-8", 3),
    Case("openai", "invalid json", StageProtocolError, "the answer is not JSON", 3),
    Case("openai", "no text", StageProtocolError, "JSON without a text", 3),
    *[
        Case("openai", status, error, rf"({says}).*\(HTTP {status}", 1 if error is StageRefused else 3)
        for status, (error, says) in STATUSES.items()
    ],
    # Wyoming knows no TLS and no statuses: whatever answers in another protocol is told as that
    Case("wyoming", "refused", StageUnavailable, "connection refused: the server is not running", 0, True),
    Case("wyoming", "dns", StageUnavailable, "host name cannot be resolved", 0, True),
    Case("wyoming", "hang before the upgrade", StageTimeout, "total deadline of 5000 ms", 1, True),
    Case("wyoming", "hang after", StageTimeout, "total deadline of 5000 ms", 1, True),
    Case("wyoming", "slow drip", StageTimeout, "total deadline of 5000 ms", 1, True),
    Case("wyoming", "truncated", StageProtocolError, "in the middle of its answer", 3),
    Case("wyoming", "reset mid-word", None, asked=2),
    Case("wyoming", "wrong type", StageProtocolError, r"does not speak the Wyoming protocol \(a line is no event\)", 3),
    Case("wyoming", "html page", StageProtocolError, r"does not speak the Wyoming protocol", 3),
    Case("wyoming", "404", StageProtocolError, r"does not speak the Wyoming protocol", 3),
    Case("wyoming", "200 empty", StageProtocolError, "closed the connection without an answer", 3),
    Case("wyoming", "huge line", StageProtocolError, "a line is longer than 1048576 bytes", 3),
    Case("wyoming", "invalid utf-8", StageProtocolError, r"Wyoming protocol \(a line is not UTF-8\)", 3),
    Case("wyoming", "invalid json", StageProtocolError, r"Wyoming protocol \(a line is not JSON\)", 3),
    Case("wyoming", "no text", StageProtocolError, "a transcript without a text", 3),
]


def _settings(kind: Kind, fault: str) -> SttSettings:
    changes: dict[str, Any] = {"connect_limit_ms": 2000}
    if fault == "dns":
        return kind.settings(host="stt.test", **changes)
    settings = kind.settings(**changes)
    return attrs.evolve(settings, url=settings.url.replace("://", "s://", 1)) if fault == "tls" else settings


@attrs.frozen
class Outcome:
    """What came of a case. ``took_s`` from the end of the utterance; ``next_text`` None: nothing can work there."""

    text: str
    error: StageError | None
    asked: int
    took_s: float
    next_text: str | None


async def play(case: Case) -> Outcome:
    """Speak one utterance to a server that fails, then mend it and speak another."""
    kind = KINDS.get(case.kind, WHISPERX)
    net = MemNet(latency_s=LATENCY_S).install()
    stage = kind.make_stage(_settings(kind, case.fault))
    stage.rng = lambda: 1.0
    async with kind.make_server(HearingScript()).running(HOST, PORT) as server:
        if case.fault == "refused":
            net.refuse(HOST, PORT)
        else:
            spoil(server, case.kind, case.fault)
        async with stage, stage.open(speaker()) as line:
            feed(line, WORDS)
            pending, began = line.end(), trio.current_time()
            text, error = "", None
            try:
                text = (await pending.wait()).text
            except StageError as failure:
                error = failure
            took_s, asked = trio.current_time() - began, times_asked(server)
            mend(server, HearingScript(), whisperx_script())
            net.allow(HOST, PORT)
            if case.fault in {"dns", "tls"}:
                return Outcome(text, error, asked, took_s, None)  # of the address: only another one can work
            if case.fault == "429 for a minute":
                await trio.sleep(61)  # virtual: what the server asked for
            feed(line, NEXT)
            return Outcome(text, error, asked, took_s, (await line.finish()).text)


def page() -> str:
    """Return docs/stt-faults.md: what came of every case, told from what was seen."""
    lines = [
        "# When the speech-to-text server goes wrong",
        "",
        "Made by `python -m tests.integration.stages.stt.stt_faults`",
        "from the cases that the tests play in virtual time with one",
        f"utterance of {len(WORDS)} words, spoken before the server was first called;",
        "a test checks this page against them.",
        "“Asked” counts connections (of `openai` uploads); kinds that connect ahead (`deepgram`, `wyoming`) make",
        "one more for the next utterance. If the last column is empty, the transcript came all the same.",
        "After each case the next utterance was heard, with no restart.",
        "`kind = embedded` is the client of `whisperx` on a unix socket.",
    ]
    for name in dict.fromkeys(case.kind for case in CASES):
        lines += ["", f"## kind = {name}", ""]
        lines += ["| fault | asked | over after | the operator reads |", "|---|---|---|---|"]
        for case in (each for each in CASES if each.kind == name):

            async def run(case: Case = case) -> Outcome:
                return await play(case)

            outcome = trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
            told = "" if outcome.error is None else f"{type(outcome.error).__name__}: {outcome.error}"
            lines.append(f"| {case.fault} | {outcome.asked} | {outcome.took_s:.2f} s | {told} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
