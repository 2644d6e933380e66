"""Sound: the Opus codec, voice activity, the end-of-turn model. Knows numpy, onnxruntime and libopus, not Trio."""
