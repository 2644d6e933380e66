"""Playing a scene: each step at its moment, and then listening until nothing more is to come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs
import trio

from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.scenes.played import Deed, Played, Sounded, Turn
from voxbridge.rehearsal.scenes.scene import LineTable, Scene, Step
from voxbridge.rehearsal.scenes.sounds import Speech

_RECHECK_S = 0.01  # half a frame
_QUIET_S = 0.4  # a pause between two sentences is shorter
_HEARD_TAIL_S = 0.3  # what has left, and is still on its way to Ada


class Venue(Protocol):
    """Where a scene is played: the simulated call of the daemon's process, or a room in virtual time."""

    @property
    def now_s(self) -> float:
        """Return the time since the scene began."""
        ...

    @property
    def voice(self) -> Sequence[Sounded]:
        """Return the bot's voice so far, packet by packet, without silence."""
        ...

    @property
    def reports(self) -> Sequence[tuple[Mapping[str, Any], str, float]]:
        """Return the turns that are over: the report, who spoke, and its zero on the scene's clock."""
        ...

    @property
    def written(self) -> Sequence[tuple[float, str]]:
        """Return what the bot has written, and when."""
        ...

    @property
    def has_broken(self) -> str:
        """Return why it cannot go on; empty while it can."""
        ...

    async def speak(self, name: str, packets: Sequence[bytes]) -> None:
        """Let somebody send packets, 20 ms apart."""
        ...

    async def join(self, name: str) -> None:
        """Let somebody come into the channel, and return when he can be heard."""
        ...

    async def leave(self, name: str) -> None:
        """Let somebody leave."""
        ...

    async def set_line(self, line: LineTable) -> None:
        """Let packets travel like this from now on."""
        ...

    async def rekey(self) -> None:
        """Give everybody new keys, and return when all have them."""
        ...

    async def command(self, name: str, command: str) -> str:
        """Let somebody use a slash command; return what the bot says to it."""
        ...

    async def fail(self, step: Step) -> None:
        """Let a server fail as the step has it."""
        ...

    async def mend(self, stage: str) -> None:
        """Let a server work again."""
        ...

    def reply(self, begin_s: float, end_s: float) -> Pcm | None:
        """Return what was heard of the bot from its packets of that time."""
        ...


@attrs.define
class _Progress:
    """How far the scene is."""

    began_s: float = 0.0
    """When the step that was begun last, began."""
    reports: int = 0
    """How many turns were over then."""
    is_done: trio.Event = attrs.field(factory=trio.Event)


class Player:
    """Plays one scene. ``tell`` is told of each step as it begins; ``patience_s``: how long a turn may take to begin
    to be heard.
    """

    def __init__(
        self,
        scene: Scene,
        speeches: Mapping[int, Speech],
        venue: Venue,
        *,
        patience_s: float,
        tell: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._scene, self._speeches, self._venue = scene, speeches, venue
        self._patience_s, self._tell = patience_s, tell
        self._deeds: list[Deed] = []
        self._progress = _Progress()

    async def play(self) -> Played:
        """Play it to its end; what went wrong on the way stands in the result."""
        broke = ""
        with trio.move_on_after(self._scene.limit_s) as limit:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._look_out, nursery.cancel_scope)
                await self._steps(nursery)
                await self._listen_on()
                nursery.cancel_scope.cancel(reason="the scene is over")
        if limit.cancelled_caught:
            broke = f"the scene was not over after {self._scene.limit_s:.0f} s (limit_s)"
        return self._played(self._venue.has_broken or broke)

    async def _look_out(self, scope: trio.CancelScope) -> None:
        await self._until(lambda: bool(self._venue.has_broken))
        scope.cancel(reason="the daemon has ended")

    async def _until(self, condition: Callable[[], bool], within_s: float = float("inf")) -> bool:
        with trio.move_on_after(within_s):
            while not condition():  # noqa: ASYNC110 - the journal is a file, which announces nothing
                await trio.sleep(_RECHECK_S)
        return condition()

    # The steps.

    async def _steps(self, nursery: trio.Nursery) -> None:
        pending: list[trio.Event] = []
        self._progress.is_done.set()
        for number, step in enumerate(self._scene.step):
            await self._moment(step)
            self._progress = progress = _Progress(self._venue.now_s, len(self._venue.reports))
            self._tell(f"{progress.began_s:6.2f} s  {told(step, self._speeches.get(number))}")
            nursery.start_soon(self._do, number, step, progress)
            pending.append(progress.is_done)
        for done in pending:
            await done.wait()

    async def _moment(self, step: Step) -> None:
        """Wait until a step is due."""
        before = self._progress
        if step.at_s is not None:
            await trio.sleep(max(0.0, step.at_s - self._venue.now_s))
        elif step.after == "answer-begins":
            await self._until(lambda: self._answer_began_since(before.began_s))
        elif step.after == "turn-ends":
            await self._until(lambda: len(self._venue.reports) > before.reports)
        else:
            await before.is_done.wait()
        await trio.sleep(step.wait_ms / 1000)

    def _answer_began_since(self, since_s: float) -> bool:
        """Tell whether the voice began: a packet with nothing of the voice in the 0.4 s before it."""
        last_s = -_QUIET_S
        for one in self._venue.voice:
            if one.at_s >= since_s and one.at_s - last_s >= _QUIET_S:
                return True
            last_s = one.at_s
        return False

    async def _do(self, number: int, step: Step, progress: _Progress) -> None:
        speech = self._speeches.get(number)
        answer = ""
        try:
            answer = await self._carry_out(step, speech)
        finally:
            words = told(step, speech) + (f" - {answer}" if answer else "")
            now_s = self._venue.now_s
            self._deeds.append(Deed(number, progress.began_s, now_s, step.by, words, step.is_speech))
            progress.is_done.set()

    async def _carry_out(self, step: Step, speech: Speech | None) -> str:
        venue = self._venue
        match step.deed:
            case "pause_ms":
                await trio.sleep(step.pause_ms / 1000)
            case "join":
                await venue.join(step.join)
            case "leave":
                await venue.leave(step.leave)
            case "line":
                assert step.line is not None
                await venue.set_line(step.line)
            case "rekey":
                await venue.rekey()
            case "command":
                return await venue.command(step.by, step.command)
            case "fail":
                await venue.fail(step)
            case "mend":
                await venue.mend(step.mend)
            case _:
                assert speech is not None
                await venue.speak(step.by, speech.packets)
        return ""

    # The end.

    @property
    def _turns_wanted(self) -> int:
        scene = self._scene
        if scene.turn or scene.expect.turns is not None:
            return len(scene.turn) or scene.expect.turns or 0
        return 1 if self._speeches else 0

    async def _listen_on(self) -> None:
        """Wait for the turns that are to come, and then a while for those that are not."""
        venue = self._venue
        while len(venue.reports) < self._turns_wanted:
            count, began_s = len(venue.reports), venue.now_s
            # As long as the bot speaks, a turn is going on, however long it takes.
            waited = lambda: len(venue.reports) > count or venue.now_s > self._sounded_s(began_s) + self._patience_s  # noqa: B023, E731
            await self._until(waited)
            if len(venue.reports) == count:
                return
        began_s, listen_s = venue.now_s, self._scene.expect.listen_ms / 1000
        await self._until(lambda: venue.now_s > began_s + listen_s and venue.now_s > self._sounded_s(0.0) + _QUIET_S)

    def _sounded_s(self, default_s: float) -> float:
        voice = self._venue.voice
        return max(default_s, voice[-1].at_s) if voice else default_s

    def _played(self, broke: str) -> Played:
        venue = self._venue
        voice = tuple(venue.voice)
        turns = [self._turn(report, by, zero_s) for report, by, zero_s in venue.reports]
        return Played(
            deeds=tuple(sorted(self._deeds, key=lambda deed: (deed.began_s, deed.step))),
            turns=tuple(sorted(turns, key=lambda turn: turn.zero_s)),
            voice=voice,
            written=tuple(venue.written),
            ended_s=venue.now_s,
            broke=broke,
        )

    def _turn(self, report: Mapping[str, Any], by: str, zero_s: float) -> Turn:
        turn = Turn(by, report, zero_s)
        begin_s, end_s = turn.at("first_audio"), turn.at("last_audio")
        if begin_s is None or end_s is None:
            return turn
        return attrs.evolve(turn, reply=self._venue.reply(begin_s, end_s + _HEARD_TAIL_S))


def told(step: Step, speech: Speech | None) -> str:
    """Return a step in words."""
    match step.deed:
        case "say" | "play":
            assert speech is not None
            words = f' "{speech.text}"' if speech.text else ""
            source = "says" if step.say else f"plays {step.play}"
            return f"{step.by} {source}{words} ({speech.duration_s:.1f} s)"
        case "noise_ms":
            return f"noise of {step.noise_ms} ms at {step.by}'s microphone"
        case "pause_ms":
            return f"a pause of {step.pause_ms} ms"
        case "join":
            return f"{step.join} joins"
        case "leave":
            return f"{step.leave} leaves"
        case "line":
            assert step.line is not None
            changed = {k: v for k, v in attrs.asdict(step.line).items() if v}
            return "the line: " + (", ".join(f"{key} = {value}" for key, value in changed.items()) or "good again")
        case "rekey":
            return "everybody gets new keys"
        case "command":
            return f"{step.by} types /{step.command}"
        case "fail":
            return f"{step.fail} begins to fail: {step.how}"
        case _:
            return f"{step.mend} works again"
