"""The last so many seconds of a speaker's sound, in pieces as they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from voxbridge.core.sound.pcm import HEARING_RATE_HZ, HeardSound


class RecentSound:
    """Keeps ``keep_s`` of sound: a piece goes when what came after it is as long."""

    def __init__(self, keep_s: float) -> None:
        self.keep(keep_s)
        self._pieces: deque[HeardSound] = deque()
        self._bytes = 0

    def keep(self, keep_s: float) -> None:
        """Keep so much from the next piece on."""
        self._keep_bytes = round(keep_s * HEARING_RATE_HZ) * 2

    def add(self, piece: HeardSound) -> None:
        """Add a piece at the end."""
        self._pieces.append(piece)
        self._bytes += len(piece.pcm)
        while self._bytes - len(self._pieces[0].pcm) >= self._keep_bytes:
            self._bytes -= len(self._pieces.popleft().pcm)

    def clear(self) -> None:
        """Forget everything."""
        self._pieces.clear()
        self._bytes = 0

    def __len__(self) -> int:
        """Return how many pieces there are."""
        return len(self._pieces)

    def __iter__(self) -> Iterator[HeardSound]:
        """Return the pieces, the oldest first."""
        return iter(self._pieces)

    def pcm(self) -> bytes:
        """Return it as one: at most ``keep_s``, 16 kHz mono s16le."""
        whole = b"".join(piece.pcm for piece in self._pieces)
        return whole[max(0, len(whole) - self._keep_bytes) :]
