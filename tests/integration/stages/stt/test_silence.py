"""A server that says nothing, and a speaker who says nothing, are two things: for every kind, in virtual time."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio

from tests.support.stt_kinds import KINDS, WHISPERLIVE, Kind, connected, feed, said, speak
from tests.support.stt_spoiling import WHISPERX, whisperx_script
from voxbridge.core.stt.owed import CLEARLY_VOICED_S
from voxbridge.errors import StageError, StageProtocolError, StageTimeout
from voxbridge.stages.contracts import Transcript
from voxbridge.testing.servers.hearing import HearingScript

pytestmark = pytest.mark.integration

LIMIT_S = 5.0
VOICED_S = 1.2


@pytest.fixture(params=[*KINDS, "whisperx"])
def kind(request) -> Kind:
    return KINDS.get(request.param, WHISPERX)


def exactly(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1e-9)


async def test_a_server_that_says_nothing_of_what_was_clearly_voiced_has_failed(autojump_clock, kind):
    """The words are not lost without a word: the backup is asked, or the apology said. The next utterance is heard."""
    async with connected(kind, HearingScript(is_mute=True)) as (server, line, _):
        if kind is WHISPERX:
            server.script.ignored_finalizes = 1
        await speak(line, range(15))
        pending, began = line.end(VOICED_S), trio.current_time()
        with pytest.raises(StageError) as failed:
            await pending.wait()
        took_s = trio.current_time() - began
        if kind.name in {"whisperlive", "whisperx"}:
            assert isinstance(failed.value, StageTimeout)
            assert took_s == exactly(LIMIT_S)
        else:
            assert isinstance(failed.value, StageProtocolError)
            assert took_s < LIMIT_S
        server.script = whisperx_script() if kind is WHISPERX else HearingScript()
        await speak(line, range(5, 15))
        assert (await line.end(VOICED_S).wait()).text == said(range(5, 15))


@pytest.mark.parametrize("name", ["whisperlive", "whisperlivekit", "deepgram"])
@pytest.mark.parametrize("voiced_s", [0.0, CLEARLY_VOICED_S - 0.02])
async def test_what_was_hardly_voiced_may_be_nothing(autojump_clock, name, voiced_s):
    """A cough, or a caller without a detector: these three say nothing at all of silence."""
    async with connected(KINDS[name], HearingScript(is_mute=True)) as (_, line, _net):
        feed(line, range(15))
        assert (await line.end(voiced_s).wait()).text == ""


async def test_a_server_that_says_that_it_heard_no_words_is_believed(autojump_clock, kind):
    """It has listened: humming is voiced, too. WhisperLive has no message for it."""
    if kind is WHISPERLIVE:
        pytest.skip("its silence says nothing")
    async with connected(kind, HearingScript(text="")) as (server, line, _):
        if kind is WHISPERX:
            server.script.text = ""
        feed(line, range(15))
        began = trio.current_time()
        transcript = await line.end(VOICED_S).wait()
        assert trio.current_time() - began < 1.0
    assert attrs.evolve(transcript, duration_s=None, no_speech=None, confidence=None) == Transcript("")


@pytest.mark.parametrize(
    ("pass_s", "voiced_s", "comes"),
    [(3.4, VOICED_S, "all"), (5.9, VOICED_S, "timeout"), (5.9, 0.0, "nothing"), (9.0, VOICED_S, "timeout")],
)
async def test_whisperlive_that_is_cold(autojump_clock, pass_s, voiced_s, comes):
    """Its first words come seconds late, or after the limit: they are waited for, and never taken for silence."""
    async with connected(WHISPERLIVE) as (server, line, _):
        server.pass_every_s = pass_s
        await speak(line, range(14))
        pending, began = line.end(voiced_s), trio.current_time()
        match comes:
            case "all":
                server.pass_every_s = 0.5  # warm from now on
                assert (await pending.wait()).text == said(range(14))
            case "nothing":
                assert (await pending.wait()).text == ""
            case _:
                with pytest.raises(StageTimeout):
                    await pending.wait()
                assert trio.current_time() - began == exactly(LIMIT_S)


async def test_a_voice_that_whisperlive_hears_too_late_to_be_sure_of_is_no_half_sentence(autojump_clock):
    """The first text after the limit's four fifths is of the first second; a second one has to come, or it is late."""
    async with connected(WHISPERLIVE) as (server, line, _):
        server.pass_every_s = 5.2
        await speak(line, range(14))
        with pytest.raises(StageTimeout):
            await line.end(VOICED_S).wait()
        assert server.passes >= 1
