"""A speech backend that is given words as they are to be said, whatever kind it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import attrs
import trio

from voxbridge.core.text import spelling
from voxbridge.core.text.lexicon import Lexica
from voxbridge.core.text.numbers import in_words
from voxbridge.stages.contracts import SoundSink, TtsRequest, TtsStage, voices_of, warm_up


class PronouncedStage:
    """A TtsStage that puts each sentence through the lexicon of its language and leaves the rest to ``stage``.

    With ``are_numbers_spelled`` numbers go as words; the lexicon comes first, so that "24/7" can be said otherwise.
    """

    def __init__(self, stage: TtsStage, lexica: Lexica, *, are_numbers_spelled: bool = False) -> None:
        self._stage, self._lexica, self._are_numbers_spelled = stage, lexica, are_numbers_spelled
        self.name = stage.name

    async def __aenter__(self) -> Self:
        if self._are_numbers_spelled:
            spelling.warm("en")  # reads what all languages share: 0.1 s, before any sound is due
        await self._stage.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stage.__aexit__(*exc_info)

    @property
    def voices(self) -> tuple[str, ...]:
        """Return which voices the backend knows of."""
        return voices_of(self._stage)

    async def probe(self) -> str:
        """Let the backend look at its server. Raises: StageError."""
        return await self._stage.probe()

    async def warm(self) -> None:
        """Let the backend open its connection, if it can."""
        await warm_up(self._stage)

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        """Speak one sentence; see ``TtsStage``. Raises: StageError."""
        said = self._lexica.apply(request.text, request.language)
        if self._are_numbers_spelled:
            if not spelling.is_warm(request.language):
                # A language's tables take up to 0.1 s, once: too long for the loop that sends the frames.
                await trio.to_thread.run_sync(spelling.warm, request.language, abandon_on_cancel=True)
            said = in_words(said, request.language)
        await self._stage.speak(attrs.evolve(request, text=said), out)


def pronounced(stage: TtsStage, words: Mapping[str, Mapping[str, str]], numbers: str) -> TtsStage:
    """Return the stage with these words for each language, and ``numbers`` as the settings say; else as it is."""
    lexica = Lexica(words)
    if not lexica and numbers != "words":
        return stage
    return PronouncedStage(stage, lexica, are_numbers_spelled=numbers == "words")
