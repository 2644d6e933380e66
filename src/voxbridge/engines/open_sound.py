"""One open utterance on the server's side: its sound, the pieces already transcribed, the requests made for it.

    sound    |<- settled pieces, 20 to 29 s each ->|<- open rest ------------------>|
    request                                                        ^ end            ^ now
                                             if only silence lies between, a later request has the same answer

Whisper takes 29 s at once. Longer speech is cut at pauses as it comes, so that the final transcript of two minutes
costs no more than that of its last piece.
"""

from __future__ import annotations

import attrs
import trio

from voxbridge.audio.vad import VoiceActivity
from voxbridge.core.sound.pcm import HEARING_RATE_HZ
from voxbridge.engines.transcript import NOTHING, PIECE_MAX_S, Heard, find_cut, join
from voxbridge.engines.workers import Recogniser, Workers

BYTES_PER_S = 2 * HEARING_RATE_HZ
_SOUND_S_MAX = 600  # five times the longest turn; a client that never finishes must not fill the memory
_COMPARED_S_MAX = 3  # the longest wait after a guess is 1.2 s; a longer tail is transcribed anew
_LEAD_S = 0.25  # the VAD needs some sound before it can judge
_SILENT_BELOW = 0.35  # as the daemon's endpointing counts a speaker who has begun


@attrs.define
class Request:
    """A transcript asked for; ``end`` says of how much of the sound, in bytes."""

    end: int
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    done: trio.Event = attrs.field(factory=trio.Event)
    heard: Heard | None = None
    error: Exception | None = None

    @property
    def is_void(self) -> bool:
        """Tell whether no answer will come of it."""
        return self.error is not None or self.scope.cancel_called


@attrs.define
class _Piece:
    start: int
    end: int
    heard: Heard


@attrs.define
class OpenSound:
    """The sound of one utterance and what was found out about it. Used from the Trio thread only."""

    recogniser: Recogniser
    workers: Workers
    language: str
    pcm: bytearray = attrs.field(factory=bytearray)
    _latest: Request | None = None
    _settled: list[_Piece] = attrs.field(factory=list)
    _turn: trio.Lock = attrs.field(factory=trio.Lock)
    _fails_ahead: bool = False

    @property
    def duration_s(self) -> float:
        """Return the length of the sound so far."""
        return len(self.pcm) / BYTES_PER_S

    def add(self, pcm: bytes) -> None:
        """Add 16 kHz mono s16le; what is beyond ten minutes is dropped."""
        if len(self.pcm) < _SOUND_S_MAX * BYTES_PER_S:
            self.pcm += pcm

    @property
    def has_ripe_piece(self) -> bool:
        """Tell whether a piece is long enough to be transcribed ahead, and nobody is at it or has failed at it."""
        is_long = len(self.pcm) - self._open_from >= PIECE_MAX_S * BYTES_PER_S
        return is_long and not self._turn.locked() and not self._fails_ahead

    @property
    def _open_from(self) -> int:
        return self._settled[-1].end if self._settled else 0

    def request(self) -> tuple[Request, bool]:
        """Ask for a transcript of what there is: a request and whether it is new, so that ``carry_out`` must run.

        If nothing but silence came since the last request, that one has the answer, or will have it soon.
        """
        latest = self._latest
        if latest is not None and not latest.is_void and self._is_silent(latest.end):
            return latest, False
        self._latest = Request(end=len(self.pcm))
        return self._latest, True

    def _is_silent(self, start: int) -> bool:
        if len(self.pcm) == start:
            return True
        if len(self.pcm) - start > _COMPARED_S_MAX * BYTES_PER_S:
            return False
        lead = min(start, int(_LEAD_S * HEARING_RATE_HZ) * 2)
        heard = VoiceActivity().feed(bytes(self.pcm[start - lead :]))
        added = heard[lead // 1024 :]  # 1024 bytes make one frame of the VAD
        return all(probability < _SILENT_BELOW for probability in added)

    async def carry_out(self, request: Request) -> None:
        """Find the answer to a request; ``request.done`` is set in any case."""
        with request.scope:
            try:
                async with self._turn:
                    await self._settle_up_to(request.end)
                    pieces = [piece for piece in self._settled if piece.end <= request.end]
                    rest = bytes(self.pcm[pieces[-1].end if pieces else 0 : request.end])
                heard = [piece.heard for piece in pieces]
                request.heard = join([*heard, await self._transcribe(rest)])
            except Exception as error:  # noqa: BLE001 - an engine's own error; who waits for the answer gets it
                request.error = error
            finally:
                request.done.set()

    def abandon(self) -> None:
        """Call off the request that is still open; it is done at once, without an answer."""
        if self._latest is not None and not self._latest.done.is_set():
            self._latest.scope.cancel(reason="superseded")

    async def settle(self) -> None:
        """Transcribe ahead the pieces that are long enough. After a failure the rest is left to the final."""
        async with self._turn:
            try:
                await self._settle_up_to(len(self.pcm))
            except Exception:
                self._fails_ahead = True  # or each further packet would call the broken engine again
                raise

    async def _settle_up_to(self, end: int) -> None:
        while (cut := find_cut(bytes(self.pcm[self._open_from : end]))) is not None:
            start = self._open_from
            heard = await self._transcribe(bytes(self.pcm[start : start + cut]))
            self._settled.append(_Piece(start, start + cut, heard))

    async def partial(self) -> str:
        """Return a transcript of what there is, which nobody waits for."""
        pieces = list(self._settled)
        rest = bytes(self.pcm[pieces[-1].end if pieces else 0 :])
        return join([*(piece.heard for piece in pieces), await self._transcribe(rest)]).text

    async def _transcribe(self, pcm: bytes) -> Heard:
        if not pcm:
            return NOTHING
        return await self.workers.run(lambda: self.recogniser.transcribe(pcm, self.language))
