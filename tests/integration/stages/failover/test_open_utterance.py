"""Fail-over while the next utterance is open already: both are heard whole, each as itself. In virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import attrs
import pytest
import trio

from voxbridge.audio.opus import Decoder, Encoder
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.errors import StageUnavailable
from voxbridge.rehearsal.marked import mark, marks_of
from voxbridge.stages.contracts import Speaker
from voxbridge.stages.failover.stt import FailoverLine, FailoverStt
from voxbridge.stages.registry import stt_stage
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

pytestmark = pytest.mark.integration

TONE = Encoder().encode(b"".join((n % 60 * 300).to_bytes(2, "little", signed=True) for n in range(480)))
ADA = Speaker(UserId(42), "Ada", GuildId(1), ChannelId(2))
BACKUP_AFTER_S = 1.5


@attrs.frozen
class Two:
    """A line over two servers, whose transcripts name the packets that they heard."""

    stage: FailoverStt
    line: FailoverLine
    first: WhisperXServer
    second: WhisperXServer

    def feed(self, *words: str) -> None:
        for word in words:
            self.line.feed(Decoder().hear(mark(TONE, word)))

    async def opens_the_backups_line(self) -> None:
        """Have the first one out of use for a moment: the backup is called when somebody speaks."""
        self.sicken()
        self.feed("cough")
        self.line.discard()
        await trio.sleep(1)
        self.stage.guards[0].works()

    def sicken(self) -> None:
        """Put the first one out of use, as three calls for others do that fail."""
        for _ in range(3):
            with suppress(StageUnavailable), self.stage.guards[0].call():
                raise StageUnavailable("stt", "it failed for somebody else")


@asynccontextmanager
async def two_servers() -> AsyncIterator[Two]:
    MemNet(latency_s=0.005).install()
    script = WhisperXScript(text=lambda heard: marks_of(heard.packets), final_delay_s=0.3)
    first, second = WhisperXServer(script), WhisperXServer(attrs.evolve(script))
    async with AsyncExitStack() as stack:
        for server in (first, second):
            await stack.enter_async_context(server.running())
        backup = WhisperXSettings(url=second.url, filter=False)
        stage = stt_stage(WhisperXSettings(url=first.url, filter=False, backup=(backup,), backup_after_ms=1500), "")
        assert isinstance(stage, FailoverStt)
        line = await stack.enter_async_context(stage.open(ADA))
        await trio.sleep(1)
        yield Two(stage, line, first, second)


async def test_words_that_are_being_said_to_the_backup_are_not_lost_to_an_older_utterance(autojump_clock):
    """The backup hears somebody speak when it is told an older utterance: it has every word of both."""
    async with two_servers() as two:
        await two.opens_the_backups_line()
        two.first.script.ignored_finalizes = 1
        two.feed("a0", "a1", "a2")
        older = two.line.end()
        two.sicken()
        heard: list[str] = []
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def wait_for_the_older() -> None:
                heard.append((await older.wait()).text)

            for number in range(20):  # over the instant at which the backup is told the older one
                two.feed(f"b{number}")
                await trio.sleep(BACKUP_AFTER_S / 10)
        assert heard == ["a0 a1 a2"]
        assert (await two.line.finish()).text == " ".join(f"b{number}" for number in range(20))


async def test_an_older_utterance_leaves_nothing_in_the_next_one(autojump_clock):
    """With nobody speaking, the backup is told the older utterance once, and the next one is itself."""
    async with two_servers() as two:
        two.first.script.ignored_finalizes = 1
        two.feed("a0", "a1")
        assert (await two.line.finish()).text == "a0 a1"
        two.feed("b0")
        assert (await two.line.finish()).text == "b0"
