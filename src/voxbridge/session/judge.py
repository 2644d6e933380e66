"""The turn model as the conversation asks it: in a worker thread, and only while there is time for it."""

from __future__ import annotations

import trio

from voxbridge.audio.turn_model import TurnModel
from voxbridge.session.utterance import Judge

# A verdict takes 70 to 140 ms of one core and is of use for 300 ms (between the guess and the commit).
# Two at once still make it on two cores; a third would come too late and slow the others down.
_AT_ONCE = 2


async def no_judge(_pcm: bytes) -> float | None:
    """Have no opinion: every turn ends at the ordinary silence."""
    return None


async def open_judge() -> Judge:
    """Load the turn model. The judge sheds what it has no time for: the ordinary silence decides then.

    Raises: EngineError.
    """
    model = await trio.to_thread.run_sync(TurnModel)
    limiter = trio.CapacityLimiter(_AT_ONCE)

    async def judge(pcm: bytes) -> float | None:
        if limiter.available_tokens == 0:
            return None
        # Abandoned when the speaker goes on; the token stays taken until the thread has really ended.
        return await trio.to_thread.run_sync(model.completion, pcm, limiter=limiter, abandon_on_cancel=True)

    return judge
