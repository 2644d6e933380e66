"""The vendored models are the pinned ones, and anything else is refused."""

from __future__ import annotations

import attrs
import pytest

from voxbridge.audio.models import SILERO_VAD, SMART_TURN, open_session, verify
from voxbridge.errors import EngineError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("model", [SILERO_VAD, SMART_TURN])
def test_vendored_model_has_pinned_digest(model):
    """What lies in the tree is what ORIGIN.md says."""
    assert verify(model) == model.path


def test_changed_model_is_refused(tmp_path):
    """One changed byte is enough, and nothing is loaded."""
    bent = bytearray(SILERO_VAD.path.read_bytes())
    bent[1000] ^= 1
    (tmp_path / "silero_vad.onnx").write_bytes(bent)
    with pytest.raises(EngineError, match="changed or is damaged"):
        open_session(attrs.evolve(SILERO_VAD, path=tmp_path / "silero_vad.onnx"))


def test_missing_model_says_what_to_do(tmp_path):
    """A missing file is named, with the way out."""
    with pytest.raises(EngineError, match=r"gone\.onnx cannot be read: No such file.*install"):
        verify(attrs.evolve(SILERO_VAD, path=tmp_path / "gone.onnx"))
