"""The turn model: has the speaker finished, judging by how it sounded (smart-turn v3.2, on onnxruntime)."""

from __future__ import annotations

import numpy as np
from onnxruntime import RunOptions

from voxbridge.audio.mel import FRAMES_PER_S, Floats, log_mel, samples_of
from voxbridge.audio.models import SMART_TURN, open_session
from voxbridge.core.sound.pcm import HEARING_RATE_HZ

_WINDOW_S = 8
_WINDOW_SAMPLES = _WINDOW_S * HEARING_RATE_HZ


class TurnModel:
    """Probability that an utterance is complete.

    The score is coarse: of complete sentences read aloud by a human, 3 in 20 scored below 0.5, and of cut ones
    many above. It may stretch or shorten the silence that ends a turn; it must not end one by itself.
    """

    def __init__(self) -> None:
        """Load and warm the network (0.2 s). Raises: EngineError."""
        self._session = open_session(SMART_TURN)
        self._running: set[RunOptions] = set()
        self.completion(bytes(2 * HEARING_RATE_HZ))

    def features(self, pcm: bytes) -> Floats:
        """Return what the network looks at: the last 8 s of ``pcm`` (16 kHz mono s16le). 1.4 ms, with the GIL."""
        recent = samples_of(pcm[-2 * _WINDOW_SAMPLES :])
        # The model learnt on sound that ends at the window's end, normalised together with its padding.
        window = np.pad(recent, (_WINDOW_SAMPLES - len(recent), 0))
        window = (window - window.mean()) / np.sqrt(window.var() + 1e-7)
        return log_mel(window.astype(np.float32), _WINDOW_S * FRAMES_PER_S)

    def judge(self, features: Floats) -> float:
        """Return the probability in [0, 1] that the speaker has finished. Blocks for 45 to 140 ms without the GIL.

        Any number of threads may call it.
        """
        options = RunOptions()
        self._running.add(options)
        try:
            # The output is called "logits" but is a probability already.
            (output,) = self._session.run(None, {"input_features": features[None]}, options)
        finally:
            self._running.discard(options)
        return float(np.ravel(output)[0])

    def give_up(self) -> None:
        """Let every ``judge`` that runs end within a few milliseconds of work, by whatever onnxruntime raises then."""
        for options in tuple(self._running):
            options.terminate = True

    def completion(self, pcm: bytes) -> float:
        """Return the probability of both steps."""
        return self.judge(self.features(pcm))
