"""The pictures in the documents, and of which page they were taken."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "screenshots"
TAKEN_OF = PICTURES / "taken-of.txt"
SIZES = {"talk": (1200, 750), "talk-phone": (390, 844)}
"""Name and size in CSS pixels; each in both themes."""
LARGEST_BYTES = 150_000
AGAIN = "take them again: nox -s browser -- --screenshots"

_LOOK = ("index.html", "talk.css", "talk.js", "words.js")


def names() -> list[str]:
    """Return the files' names."""
    return [f"{name}-{theme}.png" for name in SIZES for theme in ("light", "dark")]


def look() -> str:
    """Return a digest of all that decides how the page looks."""
    digest = hashlib.sha256()
    for name in _LOOK:
        digest.update((ROOT / "src/voxbridge/rehearsal/talk/static" / name).read_bytes())
    return digest.hexdigest()


def png_size(file: Path) -> tuple[int, int]:
    """Return width and height, as the header of a PNG has them."""
    head = file.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n", f"{file} is no PNG"
    width, height = struct.unpack(">II", head[16:24])
    return width, height
