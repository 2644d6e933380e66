"""How long an Opus packet lasts, read off its first two bytes (RFC 6716, section 3.1).

Discord's clients send 20 ms; other clients, bots and bridges send anything from 2.5 to 120 ms, also several frames in
a packet. In DTX a packet is a TOC byte alone, and the timestamps jump.
"""

from __future__ import annotations

TICKS_PER_MS = 48  # the RTP clock of Opus is 48 kHz whatever the coder's rate (RFC 7587, section 4.1)
TICKS_PER_S = 48_000
LONGEST_TICKS = 120 * TICKS_PER_MS
_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)
# config 0 to 11: SILK in three bandwidths, 12 to 15: hybrid in two, 16 to 31: CELT in four
_FRAME_TICKS = _SILK * 3 + _HYBRID * 2 + _CELT * 4


def packet_ticks(opus: bytes) -> int | None:
    """Return a packet's length in ticks of 48 kHz, as its header claims; None: it is no Opus packet."""
    if not opus:
        return None
    frame, code = _FRAME_TICKS[opus[0] >> 3], opus[0] & 3
    if code < 3:
        return frame if code == 0 else 2 * frame
    count = opus[1] & 0x3F if len(opus) > 1 else 0
    return frame * count if 0 < frame * count <= LONGEST_TICKS else None
