"""What the speech servers over HTTP share: a client, and a speaker of sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import trio

from voxbridge.config.stages import TtsSettings
from voxbridge.stages.http import Client
from voxbridge.stages.tts.sentence import SentenceSpeaker

CLOSE_S = 0.25


class HttpSpeech:
    """The parts of a ``TtsStage`` over HTTP that are alike."""

    name: str

    def __init__(
        self,
        settings: TtsSettings,
        client: Client,
        *,
        chars_max: int,
        rng: Callable[[], float],
        first_byte_s: float | None = None,
        speed: float = 1.0,
    ) -> None:
        self._client = client
        self._speaker = SentenceSpeaker(
            settings, backend=self.name, chars_max=chars_max, first_byte_s=first_byte_s, speed=speed, rng=rng
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        with trio.move_on_after(CLOSE_S, shield=True):
            await self._client.aclose()

    @property
    def free_slots(self) -> int:
        """Return how many further requests would be sent at once."""
        return self._speaker.free_slots

    @property
    def retry_count(self) -> int:
        """Return the number of repeated attempts of all turns."""
        return self._speaker.retry_count

    async def warm(self) -> None:
        """Open a connection for the sentence that will be asked for soon, unless there is one."""
        if self._speaker.is_idle:
            await self._client.warm()
