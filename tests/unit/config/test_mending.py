"""Numbers that Chatterbox would refuse: brought into its range with a warning, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.config import load, load_noting
from voxbridge.config.mending import Clamped, mend
from voxbridge.config.settings import Settings
from voxbridge.core.agents.tts_options import CHUNK_CHARS, RANGES
from voxbridge.errors import ConfigError
from voxbridge.stages.tts.chatterbox import ChatterboxSettings

pytestmark = pytest.mark.unit

CHATTERBOX = "[tts]\nkind = 'chatterbox'\nurl = 'http://h'\n"
ALL_RANGES: dict[str, tuple[float, float]] = {**RANGES, "streaming_chunk_size": CHUNK_CHARS}


def write(directory: Path, text: str) -> Path:
    file = directory / "voxbridge.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("key", list(ALL_RANGES))
@pytest.mark.parametrize("end", [0, 1], ids=["low", "high"])
def test_number_out_of_range_becomes_the_nearest_legal_one(tmp_path: Path, key: str, end: int) -> None:
    """Of the setting's own type, and the note names all that a person wants to know."""
    limit = ALL_RANGES[key][end]
    beyond = limit + (1, -1)[end == 0]
    file = write(tmp_path, f"{CHATTERBOX}{key} = {beyond}\n")
    loaded = load_noting(file, {})
    used = getattr(loaded.settings.tts, key)
    assert (used, type(used)) == (limit, type(limit))
    low, high = ALL_RANGES[key]
    assert loaded.notes == (Clamped(str(file), f"tts.{key}", beyond, f"{low} to {high}", limit),)
    assert str(loaded.notes[0]) == (
        f"{file}: tts.{key}: out of range (got {beyond}). Allowed: {low} to {high}. Used: {limit}"
    )
    assert load(file, {}) == loaded.settings


@pytest.mark.parametrize("key", list(ALL_RANGES))
def test_limits_themselves_pass_without_a_word(tmp_path: Path, key: str) -> None:
    """Both ends belong to the range."""
    for limit in ALL_RANGES[key]:
        loaded = load_noting(write(tmp_path, f"{CHATTERBOX}{key} = {limit}\n"), {})
        assert (getattr(loaded.settings.tts, key), loaded.notes) == (limit, ())


def test_backups_are_clamped_too(tmp_path: Path) -> None:
    """Each is named by its place; infinity is beyond every range."""
    file = write(
        tmp_path,
        "[[tts.backup]]\n[[tts.backup]]\nkind = 'chatterbox'\nurl = 'http://h'\ntemperature = inf\nexaggeration = 1\n",
    )
    loaded = load_noting(file, {})
    (note,) = loaded.notes
    assert isinstance(note, Clamped)
    assert (note.key, note.used) == ("tts.backup[1].temperature", 5.0)
    backup = loaded.settings.tts.backup[1]
    assert isinstance(backup, ChatterboxSettings)
    assert backup.temperature == 5.0


def test_variable_is_named_when_it_gave_the_number(tmp_path: Path) -> None:
    """It wins over the file, so the file is not where to look."""
    loaded = load_noting(
        write(tmp_path, f"{CHATTERBOX}streaming_chunk_size = 7\n"), {"TTS_STREAMING_CHUNK_SIZE": "900"}
    )
    (note,) = loaded.notes
    assert isinstance(note, Clamped)
    assert (note.file, note.value, note.used) == ("environment variable TTS_STREAMING_CHUNK_SIZE", 900, 500)


def test_other_ranges_are_still_refused(tmp_path: Path) -> None:
    """Only what a server would refuse anyway is mended; a wrong limit of ours is a mistake. So is a number in code."""
    with pytest.raises(ConfigError, match=r"tts\.speed"):
        load(write(tmp_path, "[tts]\nkind = 'openai'\nurl = 'http://h'\nspeed = 9\n"), {})
    with pytest.raises(ConfigError, match="exaggeration"):
        ChatterboxSettings(url="http://h", exaggeration=9.0)


@given(st.dictionaries(st.sampled_from(list(ALL_RANGES)), st.integers() | st.floats(allow_nan=False)))
def test_whatever_was_clamped_is_legal(numbers: dict[str, float]) -> None:
    """A second look finds nothing more to clamp."""
    raw = {"tts": {"kind": "chatterbox", **numbers}}
    notes = list(mend(raw, Settings))
    assert {note.key for note in notes} <= {f"tts.{key}" for key in numbers}
    assert list(mend(raw, Settings)) == []


def test_tables_of_the_wrong_shape_are_left_to_the_rules() -> None:
    """They say what is wrong, in their own words."""
    for raw in (
        {"tts": 4},
        {"tts": {"backup": 3}},
        {"tts": {"backup": [3]}},
        {"tts": [{"exaggeration": 9}]},
        {"tts": {"kind": 4, "exaggeration": 9}},
    ):
        assert list(mend(raw, Settings)) == []
