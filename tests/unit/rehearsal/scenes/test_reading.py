"""Scene files: what comes with VoxBridge and what stands in the documents can be read, and a mistake is one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.rehearsal.scenes.scenes_page import PAGE, page
from voxbridge.config.settings import Settings
from voxbridge.errors import EXIT_CONFIG, ConfigError, EngineError
from voxbridge.rehearsal.scenes.reading import bundled_scenes, read_scene
from voxbridge.rehearsal.scenes.servers import check_servers, scene_settings
from voxbridge.rehearsal.scenes.sounds import speeches_of

pytestmark = pytest.mark.unit

STEP = "[[step]]\npause_ms = 1\n"


def no_voice():
    raise EngineError("not installed")


def made_ready(file: Path) -> None:
    """Do all that is done before anything is started."""
    scene = read_scene(file)
    check_servers(scene, scene_settings(scene, Settings()))
    speeches_of(scene, no_voice)


def test_the_page_of_scenes_is_up_to_date() -> None:
    """Its tables are those of the classes."""
    assert PAGE.read_text("utf-8") == page(), "python -m tests.unit.rehearsal.scenes.scenes_page"


@pytest.mark.parametrize("file", bundled_scenes(), ids=lambda file: file.stem)
def test_bundled_scenes_can_be_played_without_a_server(file: Path) -> None:
    """Each says what it shows, and all of its sound but spoken words comes with VoxBridge."""
    scene = read_scene(file)
    assert scene.scene.about.endswith(".")
    check_servers(scene, scene_settings(scene, Settings()))
    if file.stem != "question":
        speeches_of(scene, no_voice)


def test_scenes_in_the_documents_can_be_read(tmp_path: Path) -> None:
    """Each block of TOML on the page is a whole scene."""
    blocks = re.findall(r"(?ms)^```toml\n(.*?)^```", PAGE.read_text("utf-8"))
    assert len(blocks) == 4
    for block in blocks:
        file = tmp_path / "scene.toml"
        file.write_text(block)
        scene = read_scene(file)
        check_servers(scene, scene_settings(scene, Settings()))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "step: nothing happens in this scene: it needs a [[step]]"),
        ("abuot = 'x'\n" + STEP, "abuot: there is no such setting. Did you mean about?"),
        ("[[step]]\nsya = 'x'\n", "[[step]] 1: sya: there is no such setting. Did you mean say?"),
        (STEP + "[[step]]\nwait_ms = 3\n", "[[step]] 2: nothing happens in this step. Allowed: say, play, "),
        ("[[step]]\nsay = 'x'\nplay = 'y'\n", "[[step]] 1: play: this step is a say already; make it a step of its"),
        ("[[step]]\nsay = 'x'\nhow = 'cut'\n", "[[step]] 1: how: has no effect without fail"),
        ("[[step]]\nfail = 'sst'\n", "[[step]] 1: fail: this value is not allowed (got 'sst'). Allowed: stt | agent"),
        ("[[step]]\nsay = 3\n", "[[step]] 1: say: is of the wrong type (got 3). Allowed: a text in quotes"),
        ("[[step]]\nby = 'Bob'\nsay = 'x'\n", "[[step]] 1: by: Bob has not joined yet"),
        (STEP + "[[turn]]\noutcom = 'x'\n", "[[turn]] 1: outcom: there is no such setting. Did you mean outcome?"),
        (STEP + "[[turn]]\n[expect]\nturns = 3\n", "expect.turns: there are 1 [[turn]] tables"),
        (STEP + "[settings.flor]\nmode = 'everyone'\n", "settings.flor: there is no such setting. Did you mean floor?"),
        (STEP + "[settings.floor]\nmod = 'x'\n", "settings.floor.mod: there is no such setting. Did you mean mode?"),
        ("[[step]]\nfail = 'tts'\n", "tts: the built-in engines can be made neither slow nor failing; name a server,"),
        ("[[step]]\nplay = 'none.wav'\n", "[[step]] 1: play: "),
        ("[[step]]\nplay = 'clip:9'\n", "[[step]] 1: play: there is no such recording (got 'clip:9'). Allowed: clip:1"),
        (
            "[[step]]\nsay = 'x'\n",
            "[[step]] 1: say: the built-in voice is not installed (extra [embedded]); play a WAV",
        ),
        ("[[step", "is not TOML: "),
    ],
)
def test_a_mistake_in_a_scene_is_one_line_with_the_code_of_a_configuration(
    tmp_path: Path, text: str, line: str
) -> None:
    """It names the file, the table as people count them, the key, and what would be right."""
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        made_ready(file)
    assert str(raised.value).startswith(f"{file}: {line}")
    assert raised.value.exit_code == EXIT_CONFIG
    assert not getattr(raised.value, "__notes__", [])


def test_a_scene_says_settings_over_those_of_the_configuration(tmp_path: Path) -> None:
    """What it does not name stays; another kind of backend takes nothing over."""
    file = tmp_path / "mine.toml"
    file.write_text(STEP + "[settings.floor]\nmode = 'lock'\n[settings.stt]\nkind = 'whisperx'\nurl = 'ws://h:1/'\n")
    settings = scene_settings(read_scene(file), Settings())
    assert settings.floor.mode == "lock"
    assert settings.floor.follow_up_ms == Settings().floor.follow_up_ms
    assert settings.stt.kind == "whisperx"
