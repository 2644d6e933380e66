"""[thinking]: what is heard while an answer is late."""

from __future__ import annotations

import attrs

from voxbridge.config.rules import between, one_of, option


@attrs.frozen
class ThinkingSettings:
    """[thinking]."""

    sound: str = option(
        "on",
        "on plays a soft sound while an answer is late, until it comes or somebody speaks. off is silent.",
        one_of("on", "off"),
        live=True,
    )
    # a second is a pause in which people still wait; after two they ask whether anybody is there
    after_ms: int = option(
        2000,
        "How long nothing must have been heard, counted from the end of the turn, until the wait is long. Never "
        "shorter than turn.first_audio_target_ms: an answer in time is never preceded by anything.",
        between(0, 60_000),
        live=True,
    )
    # noticed in silence, and 30 LU below who speaks at the same time
    below_voice_lu: float = option(
        16.0, "How much softer than the voice the sound is, in LU (as dB).", between(0.0, 40.0), live=True
    )
    filler: str = option(
        "off",
        'on says a word before the sound ("One moment."), once in a turn. It is synthesised ahead, and breaks off when '
        "the answer comes.",
        one_of("on", "off"),
        live=True,
    )
