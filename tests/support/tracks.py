"""Tracks for tests: made of plain numbers, and read frame by frame as the playout does."""

from __future__ import annotations

import array

from voxbridge.audio.gain import scaled
from voxbridge.core.sound.pcm import SPEECH_FRAME_BYTES
from voxbridge.core.sound.track import Track


def track_of(frames: int, *, finished: bool = True, sentences: int = 1) -> Track:
    """Make a track of ``frames`` in each of its sentences; the samples of sentence i are all i + 1."""
    track = Track()
    for number in range(sentences):
        index = track.begin_sentence(f"Sentence number {number}.")
        track.push(index, array.array("h", [number + 1] * (frames * SPEECH_FRAME_BYTES // 2)).tobytes())
        track.end_sentence(index)
    if finished:
        track.finish()
    return track


def take_frame(track: Track) -> bytes:
    """Let the next frame leave."""
    frame = scaled(track.frame(), track.loudness)
    track.advance()
    return frame


def frames_of(track: Track) -> list[bytes]:
    """Let all frames leave that there are."""
    frames: list[bytes] = []
    while track.has_frame:
        frames.append(take_frame(track))
    return frames
