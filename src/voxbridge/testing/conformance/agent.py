"""What an agent backend promises (``voxbridge.stages.AgentStage``)."""

from __future__ import annotations

import attrs
import trio

from voxbridge.errors import StageError
from voxbridge.stages.contracts import AgentEvent, AgentRequest, AgentStage, Previous, TextDelta
from voxbridge.stages.sinks import AnswerInto, is_visible
from voxbridge.testing.conformance.cases import (
    SPEAKER,
    Case,
    NotKept,
    Subject,
    check_probe,
    check_probe_when_down,
    expect,
    server_down,
)

QUESTION = "Good morning. Please tell me in one or two sentences what the sea looks like."
_CANCEL_S = 2.0
_PAUSE_S = 0.2


@attrs.define
class _Heard:
    events: list[AgentEvent] = attrs.field(factory=list)
    marks: list[str] = attrs.field(factory=list)

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))


class _Noting(AnswerInto):
    """A sink that notes what the backend itself tells of its request."""

    def __init__(self, channel: trio.MemorySendChannel[AgentEvent], heard: _Heard) -> None:
        super().__init__(channel)
        self._heard = heard

    def asked(self) -> None:
        self._heard.marks.append("asked")

    def _note(self, event: AgentEvent) -> None:
        if is_visible(event) and "text" not in self._heard.marks:
            self._heard.marks.append("text")


async def _ask(stage: AgentStage, request: AgentRequest, *, pause_s: float = 0.0) -> _Heard:
    """Ask, and read the answer with ``pause_s`` before each event."""
    heard = _Heard()
    failure: StageError | None = None
    send, receive = trio.open_memory_channel[AgentEvent](0)  # the slowest reader there is

    async def read() -> None:
        async for event in receive:
            heard.events.append(event)
            await trio.sleep(pause_s)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        async with send:
            try:
                await stage.answer(request, _Noting(send, heard))
            except StageError as error:
                failure = error  # raised outside of the nursery, which would put it into a group
    if failure is not None:
        raise failure
    return heard


def _question(turn_id: str, text: str = QUESTION) -> AgentRequest:
    return AgentRequest(turn_id=turn_id, text=text, speaker=SPEAKER)


async def _answer(subject: Subject[AgentStage]) -> None:
    heard = await _ask(subject.stage, _question("conformance-1"))
    expect(bool(heard.text.strip()), "some text", heard.text)


async def _asked(subject: Subject[AgentStage]) -> None:
    heard = await _ask(subject.stage, _question("conformance-2"))
    expect(heard.marks == ["asked", "text"], "asked() once, when the request is on its way, and then text", heard.marks)
    first = next((event.text for event in heard.events if isinstance(event, TextDelta)), "")
    expect(first == first.lstrip() != "", "an answer that begins with a visible character", first)


async def _slow_reader(subject: Subject[AgentStage]) -> None:
    heard = await _ask(subject.stage, _question("conformance-3"), pause_s=_PAUSE_S)
    expect(bool(heard.text.strip()), "the whole answer, though its reader is slow", heard.text)


async def _at_once(subject: Subject[AgentStage]) -> None:
    heard: list[str] = []

    async def one(number: int) -> None:
        heard.append((await _ask(subject.stage, _question(f"conformance-at-once-{number}"))).text)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(one, number)
    expect(all(text.strip() for text in heard), "three answers to three turns at once", heard)


async def _previous(subject: Subject[AgentStage]) -> None:
    previous = Previous(interrupted=True, heard="The sea is")
    request = attrs.evolve(_question("conformance-4"), previous=previous, confidence=0.5, participants=3)
    heard = await _ask(subject.stage, request)
    expect(bool(heard.text.strip()), "an answer after one that was interrupted", heard.text)


async def _odd_question(subject: Subject[AgentStage]) -> None:
    odd = 'Sch\u00f6n \U0001f600, "quoted" \\ back\nslash {"json": [1]} <b>'
    heard = await _ask(subject.stage, _question("conformance-5", odd))
    expect(bool(heard.text.strip()), "an answer to a question with odd characters", heard.text)


async def _cancelled(subject: Subject[AgentStage]) -> None:
    send, receive = trio.open_memory_channel[AgentEvent](0)
    with trio.CancelScope() as scope:
        async with send, receive, trio.open_nursery() as nursery:
            nursery.start_soon(subject.stage.answer, _question("conformance-6"), AnswerInto(send))
            await receive.receive()
            cancelled_at = trio.current_time()
            scope.cancel(reason="barge-in")
    took_s = trio.current_time() - cancelled_at
    expect(took_s < _CANCEL_S, f"an end within {_CANCEL_S} s of the cancel", took_s)
    await _answer(subject)


async def _lost(subject: Subject[AgentStage]) -> None:
    async with server_down(subject):
        try:
            heard = await _ask(subject.stage, _question("conformance-7"))
        except StageError as error:
            expect(error.stage == "agent", "an error of the stage agent", error.stage)
        else:
            raise NotKept(f"wanted a StageError while the server is down; came {heard.text!r}")
    await _answer(subject)


AGENT: tuple[Case[AgentStage], ...] = (
    Case("probe", "answers with one line for the operator", check_probe),
    Case("answer", "gives some text", _answer),
    Case("asked", "says once when its request is on its way", _asked),
    Case("slow reader", "waits for a reader that is slow, and does not call that a timeout", _slow_reader),
    Case("several at once", "answers three turns at a time", _at_once),
    Case("interrupted before", "takes what became of the answer before", _previous),
    Case("odd characters", "takes quotes, emoji, JSON and line breaks", _odd_question),
    Case("cancel", "ends at once, and the next turn works", _cancelled),
    Case("probe of a dead server", "fails in words", check_probe_when_down, needs_control=True),
    Case("dead server", "raises StageError, and the next turn after its return works", _lost, needs_control=True),
)
