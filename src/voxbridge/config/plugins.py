"""Backends that other packages bring: entry points in the groups voxbridge.stt, voxbridge.agent and voxbridge.tts.

The entry point's name is the ``kind`` in the settings; what it leads to makes the stage (docs/backends.md). Looking
for names reads the metadata of what is installed and imports nothing.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points


def plugin_kinds(stage: str) -> list[str]:
    """Return the kinds that plug-ins add to a stage (``stt``, ``agent`` or ``tts``), in alphabetical order."""
    return sorted({each.name for each in entry_points(group=f"voxbridge.{stage}")})


def find_plugin(stage: str, kind: str) -> EntryPoint | None:
    """Return the entry point of one kind, or None."""
    return next(iter(entry_points(group=f"voxbridge.{stage}", name=kind)), None)
