"""The apologies, and the words that fill a wait, as sound, made ahead: when one is due, there may be no server.

One for each message and language that is spoken here. They are made once, and tried again until the server is there;
a reload or a room may bring a further language.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import structlog
import trio

from voxbridge.core.health.backoff import Backoff
from voxbridge.core.messages.catalogue import line
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.errors import StageError
from voxbridge.session.rules import Rules
from voxbridge.session.thinking import FILLERS, Filler
from voxbridge.stages.contracts import TtsRequest, TtsStage
from voxbridge.stages.sinks import SoundInto

_log = structlog.get_logger(__name__)

KEYS = ("apology", "mute_apology")


class Apologies:
    """``get`` and ``want`` never block; ``run`` makes what is wanted, for ever."""

    def __init__(self, tts: TtsStage, rules_now: Callable[[], Rules]) -> None:
        self._tts, self._rules_now = tts, rules_now
        self._wanted: dict[str, None] = {}
        self._sounds: dict[tuple[str, str], Pcm] = {}  # by text and language
        self._is_wanted = trio.Event()

    def want(self, *languages: str) -> None:
        """Have the apologies in these languages from now on."""
        for language in languages:
            if language not in self._wanted:
                self._wanted[language] = None
                self._is_wanted.set()

    def get(self, key: str, language: str) -> Pcm | None:
        """Return an apology as sound, if it is there."""
        self.want(language)
        sound = self._sounds.get((self._text(key, language), language))
        if sound is None:
            self._is_wanted.set()
        return sound

    def filler(self, key: str, language: str) -> Filler | None:
        """Return a word to fill a wait with, if it is there."""
        sound = self.get(key, language)
        return None if sound is None else Filler(self._text(key, language), sound)

    async def run(self) -> None:
        """Make what is wanted, and what will be."""
        while True:
            self._is_wanted = trio.Event()
            for language in list(self._wanted):
                for key in self._keys:
                    await self._make(self._text(key, language), language)
            await self._is_wanted.wait()

    @property
    def _keys(self) -> tuple[str, ...]:
        return (*KEYS, *FILLERS) if self._rules_now().thinking.fills else KEYS

    def _text(self, key: str, language: str) -> str:
        return self._rules_now().messages.spoken(line(key), language)

    async def _make(self, text: str, language: str) -> None:
        backoff = Backoff(base_s=1.0, rng=random.random)
        while (text, language) not in self._sounds:
            sound = await _spoken(self._tts, text, language)
            if sound is not None:
                self._sounds[text, language] = sound
                return
            wait_s = backoff.failed(trio.current_time(), 0.0)
            await trio.sleep(30.0 if wait_s is None else wait_s)


async def _spoken(tts: TtsStage, text: str, language: str) -> Pcm | None:
    """Return a text as sound, or None if the server is not there."""
    pieces: list[Pcm] = []
    try:
        await tts.speak(TtsRequest(text, "apology", 0, language=language), SoundInto(pieces.append))
    except StageError as error:
        _log.warning("an apology could not be rendered", language=language, error=str(error))
        return None
    return Pcm(b"".join(piece.data for piece in pieces), pieces[0].rate_hz) if pieces else Pcm(b"", SPEECH_RATE_HZ)
