"""[voice]: what is done to the sound of an answer, whichever server made it."""

from __future__ import annotations

import attrs

from voxbridge.config.rules import between, one_of, option


@attrs.frozen
class VoiceSettings:
    """[voice]."""

    trim: bool = option(
        True,
        "Leave out the silence before the first and after the last sound of what the speech server sends, and put "
        "natural pauses between sentences instead.",
        live=True,
    )
    loudness: str = option(
        "even",
        "even makes all sentences and voices equally loud; as it comes leaves them as they are.",
        one_of("even", "as it comes"),
        live=True,
    )
    # people in a Discord call are at -16 to -26 with its automatic gain
    loudness_lufs: float = option(-20.0, "How loud, in LUFS.", between(-40.0, -10.0), live=True)
    # up to 4 s an answer follows its question; after that, in a room of several, nobody is sure whose it is
    name_after_ms: int = option(
        4000,
        'An answer that begins so long after its question says whose it is ("Ben: ..."), if several people are in the '
        "channel. So does one that waits for another answer to end.",
        between(0, 600_000),
        live=True,
    )
