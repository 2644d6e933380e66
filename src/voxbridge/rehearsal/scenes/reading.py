"""Scene files: read, checked, and the bundled ones found."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import attrs

from voxbridge.config.load import read_plain
from voxbridge.rehearsal.scenes.scene import Scene

_IN_A_LIST = re.compile(r"^(step|turn)\[(\d+)\]\.?")


@attrs.frozen
class SceneFile:
    """A scene and where it stands: the files that it names are beside it."""

    file: Path
    scene: Scene

    @property
    def name(self) -> str:
        """Return what it is called."""
        return self.file.stem


def read_scene(file: Path) -> SceneFile:
    """Read a scene. Raises: ConfigError that names the file, the table, the key and what is allowed."""
    return SceneFile(file, read_plain(file, Scene, _counted_from_one))


def _counted_from_one(key: str) -> str:
    """Return the key of a list's table as people count: ``step[0].say`` is ``[[step]] 1: say``."""
    found = _IN_A_LIST.match(key)
    if found is None:
        return key
    rest = key[found.end() :]
    return f"[[{found[1]}]] {int(found[2]) + 1}" + (f": {rest}" if rest else "")


def step_key(number: int, key: str) -> str:
    """Return how a message names a key of a step, which is counted from 0 here."""
    return _counted_from_one(f"step[{number}].{key}")


def bundled_scenes() -> list[Path]:
    """Return the scene files that come with VoxBridge, by name."""
    folder = Path(str(resources.files("voxbridge.rehearsal.scenes") / "bundled"))
    return sorted(folder.glob("*.toml"))
