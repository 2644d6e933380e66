"""A speech backend that is given words as they are to be said, whatever kind it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import attrs

from voxbridge.core.text.lexicon import Lexica
from voxbridge.stages.contracts import SoundSink, TtsRequest, TtsStage, warm_up


class PronouncedStage:
    """A TtsStage that puts each sentence through the lexicon of its language and leaves the rest to ``stage``."""

    def __init__(self, stage: TtsStage, lexica: Lexica) -> None:
        self._stage, self._lexica = stage, lexica
        self.name = stage.name

    async def __aenter__(self) -> Self:
        await self._stage.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stage.__aexit__(*exc_info)

    async def probe(self) -> str:
        """Let the backend look at its server. Raises: StageError."""
        return await self._stage.probe()

    async def warm(self) -> None:
        """Let the backend open its connection, if it can."""
        await warm_up(self._stage)

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        """Speak one sentence; see ``TtsStage``. Raises: StageError."""
        said = self._lexica.apply(request.text, request.language)
        await self._stage.speak(attrs.evolve(request, text=said), out)


def pronounced(stage: TtsStage, words: Mapping[str, Mapping[str, str]]) -> TtsStage:
    """Return the stage with these words for each language; as it is, if there are none."""
    lexica = Lexica(words)
    return PronouncedStage(stage, lexica) if lexica else stage
