"""What is heard while an answer is late: a word to fill the wait, if the operator wants one, and the thinking sound.

    Waits (core) says when -> ThinkingAloud says what -> Bed (core) -> mouth

Neither is an answer: no report, no timeline and no memory knows of them. Only what a word is, is known to who looks
for echoes: an open microphone returns it as well.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from voxbridge.audio.thinking_sound import thinking_loop, thinking_lufs
from voxbridge.core.sound.bed import BedSound
from voxbridge.core.sound.evenness import VoiceLoudness
from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.sound.track import Track
from voxbridge.session.rules import Rules, VoiceRules
from voxbridge.session.sentence_sound import SentenceSound

FILLERS = ("filler_1", "filler_2", "filler_3")
"""Their messages, in the order in which they are said, over and over."""
VOICE_LUFS = -20.0
"""Of a voice of which nothing is known yet."""


@attrs.frozen
class Filler:
    """A word that was rendered ahead."""

    text: str
    sound: Pcm = attrs.field(repr=False)


class ThinkingAloud:
    """Says for one room what sounds while somebody waits.

    ``filler`` gives a word by its message and language, if it has been rendered; ``voice_lufs``: how loud the voice is
    as it comes.
    """

    def __init__(
        self,
        rules_now: Callable[[], Rules],
        filler: Callable[[str, str], Filler | None],
        voice_lufs: Callable[[], float | None],
    ) -> None:
        self._rules_now, self._filler, self._voice_lufs = rules_now, filler, voice_lufs
        self._next = 0
        self._last_text = ""

    @property
    def after_s(self) -> float | None:
        """Return after how long a wait something sounds; None: nothing does."""
        rules = self._rules_now().thinking
        return rules.after_s if rules.sounds or rules.fills else None

    @property
    def loop(self) -> BedSound | None:
        """Return the thinking sound, so much softer than the voice as the settings say."""
        rules = self._rules_now()
        if not rules.thinking.sounds:
            return None
        voice_lufs = rules.voice.loudness_lufs or self._voice_lufs() or VOICE_LUFS
        wanted_lufs = voice_lufs - rules.thinking.below_voice_lu
        return BedSound(thinking_loop(), 10 ** ((wanted_lufs - thinking_lufs()) / 20))

    @property
    def fills(self) -> bool:
        """Tell whether a word is wanted."""
        return self._rules_now().thinking.fills

    def opening(self, language: str) -> BedSound | None:
        """Return the next word to fill a wait with: the next of those that there are, and never the last one again."""
        for step in range(len(FILLERS)):
            at = (self._next + step) % len(FILLERS)
            filler = self._filler(FILLERS[at], language)
            if filler is not None and filler.text != self._last_text:
                self._next, self._last_text = at + 1, filler.text
                return _prepared(filler, self._rules_now().voice)
        return None


def _prepared(filler: Filler, rules: VoiceRules) -> BedSound | None:
    """Trim it and make it as loud as any sentence."""
    track = Track()
    index = track.begin_sentence(filler.text)
    sound = SentenceSound(track, index, lambda: None, rules, VoiceLoudness())
    sound.push(filler.sound)
    sound.end()
    sentence = track.sentences[index]
    pcm = sentence.peek(sentence.queued_bytes)
    return BedSound(pcm, sentence.factor, filler.text) if pcm else None
