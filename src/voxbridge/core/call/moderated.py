"""What moderators do to us, and what we say about it, once. Pure."""

from __future__ import annotations

from voxbridge.core.call.said import VoiceState
from voxbridge.core.messages.catalogue import Line, line

MUTED, DEAFENED, AUDIENCE, PLAIN = line("muted"), line("deafened"), line("audience"), line("not_encrypted")


def is_silenced(own: VoiceState | None) -> bool:
    """Tell whether what we send would go to nobody."""
    return own is not None and (own.is_muted or own.is_suppressed)


def facts(own: VoiceState, *, is_plain: bool) -> list[tuple[Line, bool]]:
    """Return what there may be to say, and whether it is so. ``is_plain``: not encrypted, where that is demanded."""
    return [
        (PLAIN, is_plain),
        (MUTED, own.is_muted),
        (AUDIENCE, own.is_suppressed and not own.is_muted and not is_plain),
        (DEAFENED, own.is_deafened),
    ]
