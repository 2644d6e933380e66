"""The vendored ONNX models: found beside this module, checked against pinned digests, opened with one thread.

Where they come from, and their licences: ``models/ORIGIN.md``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import attrs
import onnxruntime

from voxbridge.errors import EngineError

_FATAL_AND_ERROR_ONLY = 3  # onnxruntime's severity scale; its warnings are about graph details we cannot change


@attrs.frozen
class ModelFile:
    """A model file and the digest that it must have (sha256, lower-case hex)."""

    path: Path
    sha256: str


_HERE = Path(__file__).parent / "models"

SILERO_VAD = ModelFile(_HERE / "silero_vad.onnx", "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3")
SMART_TURN = ModelFile(
    _HERE / "smart-turn-v3.2-cpu.onnx", "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f"
)


def verify(model: ModelFile) -> Path:
    """Return the model's path once its bytes are known to be the pinned ones (2 ms per MB).

    Raises: EngineError when the file is missing or differs.
    """
    try:
        with model.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EngineError(
            f"model file {model.path} cannot be read: {error.strerror}; install the package anew"
        ) from error
    if found != model.sha256:
        raise EngineError(
            f"model file {model.path} has sha256 {found}, wanted {model.sha256}: it was changed or is damaged; "
            "install the package anew"
        )
    return model.path


def open_session(model: ModelFile) -> Any:
    """Open an ``onnxruntime.InferenceSession`` on the CPU that uses the calling thread only.

    A session may be shared by threads; ``run`` releases the GIL. More threads than one would make the models
    faster alone and slower together, and would take cores from the frames.

    Raises: EngineError.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_AND_ERROR_ONLY
    return onnxruntime.InferenceSession(str(verify(model)), options, providers=["CPUExecutionProvider"])
