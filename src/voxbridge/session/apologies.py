"""The apologies, and the words that fill a wait, as sound, made ahead: when one is due, there may be no server.

One for each voice, message and language that is spoken here. They are made once, and tried again until the server is
there; a reload or a room may bring a further language.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs
import structlog
import trio

from voxbridge.core.health.backoff import Backoff
from voxbridge.core.messages.catalogue import line
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.errors import StageError
from voxbridge.session.cast import Persona
from voxbridge.session.rules import Rules
from voxbridge.session.thinking import FILLERS, Filler
from voxbridge.stages.contracts import TtsRequest, TtsStage
from voxbridge.stages.sinks import SoundInto

_log = structlog.get_logger(__name__)

KEYS = ("apology", "mute_apology")


@attrs.frozen
class _Voice:
    """Who speaks them: a server, and which of its voices (None: its usual one)."""

    tts: TtsStage = attrs.field(eq=id)
    name: str | None = None


class Apologies:
    """``get``, ``of`` and ``want`` never block; ``run`` makes what is wanted, for ever."""

    def __init__(self, tts: TtsStage, rules_now: Callable[[], Rules]) -> None:
        self._usual, self._rules_now = _Voice(tts), rules_now
        self._wanted: dict[_Voice, dict[str, None]] = {self._usual: {}}
        self._sounds: dict[tuple[_Voice, str, str], Pcm] = {}  # by text and language
        self._is_wanted = trio.Event()

    def want(self, *languages: str, persona: Persona | None = None) -> None:
        """Have the apologies in these languages from now on, in the voice of ``persona`` if it has one of its own."""
        voice = self._usual if persona is None else self._voice_of(persona)
        wanted = self._wanted.setdefault(voice, {})
        for language in languages:
            if language not in wanted:
                wanted[language] = None
                self._is_wanted.set()

    def get(self, key: str, language: str) -> Pcm | None:
        """Return an apology as sound in the usual voice, if it is there."""
        return self._in(self._usual, key, language)

    def of(self, persona: Persona, key: str, language: str) -> Pcm | None:
        """Return an apology in the voice of who answers; in the usual one as long as that is not there."""
        return self._in(self._voice_of(persona), key, language) or self.get(key, language)

    def filler(self, key: str, language: str) -> Filler | None:
        """Return a word to fill a wait with, if it is there."""
        sound = self.get(key, language)
        return None if sound is None else Filler(self._text(key, language), sound)

    async def run(self) -> None:
        """Make what is wanted, and what will be. A voice that is not there holds up no other one."""
        begun: set[_Voice] = set()
        async with trio.open_nursery() as nursery:
            while True:
                self._is_wanted = trio.Event()
                for voice in list(self._wanted):
                    if voice not in begun:
                        begun.add(voice)
                        nursery.start_soon(self._make_all, voice)
                await self._is_wanted.wait()

    def _voice_of(self, persona: Persona) -> _Voice:
        return _Voice(persona.tts, persona.voice) if persona.has_own_tts or persona.voice else self._usual

    def _in(self, voice: _Voice, key: str, language: str) -> Pcm | None:
        self._wanted.setdefault(voice, {}).setdefault(language)
        sound = self._sounds.get((voice, self._text(key, language), language))
        if sound is None:
            self._is_wanted.set()
        return sound

    async def _make_all(self, voice: _Voice) -> None:
        while True:
            is_wanted = self._is_wanted
            for language in list(self._wanted[voice]):
                for key in self._keys:
                    await self._make(voice, self._text(key, language), language)
            await is_wanted.wait()

    @property
    def _keys(self) -> tuple[str, ...]:
        return (*KEYS, *FILLERS) if self._rules_now().thinking.fills else KEYS

    def _text(self, key: str, language: str) -> str:
        return self._rules_now().messages.spoken(line(key), language)

    async def _make(self, voice: _Voice, text: str, language: str) -> None:
        backoff = Backoff(base_s=1.0, rng=random.random)
        while (voice, text, language) not in self._sounds:
            sound = await _spoken(voice, text, language)
            if sound is not None:
                self._sounds[voice, text, language] = sound
                return
            wait_s = backoff.failed(trio.current_time(), 0.0)
            await trio.sleep(30.0 if wait_s is None else wait_s)


async def _spoken(voice: _Voice, text: str, language: str) -> Pcm | None:
    """Return a text as sound, or None if the server is not there."""
    pieces: list[Pcm] = []
    try:
        request = TtsRequest(text, "apology", 0, voice=voice.name, language=language)
        await voice.tts.speak(request, SoundInto(pieces.append))
    except StageError as error:
        _log.warning("an apology could not be rendered", language=language, error=str(error))
        return None
    return Pcm(b"".join(piece.data for piece in pieces), pieces[0].rate_hz) if pieces else Pcm(b"", SPEECH_RATE_HZ)
