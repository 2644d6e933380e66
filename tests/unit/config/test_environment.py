"""The environment variables that users of the original know."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxbridge.config import Settings, load, load_noting
from voxbridge.config.catalogue import keys
from voxbridge.config.environment import TEST_URL, VARIABLES
from voxbridge.errors import ConfigError
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.stt.whisperx import WhisperXSettings

pytestmark = pytest.mark.unit

# what each variable is given in the test of the whole table, and what it must become
SAMPLES: dict[str, tuple[str, object]] = {
    "DISCORD_TOKEN": ("abc", "abc"),
    "WHISPER_SERVER_URL": ("ws://stt:4901", "ws://stt:4901"),
    "WHISPER_LANGUAGE": ("de", "de"),
    "N8N_WEBHOOK_URL": ("https://n8n/webhook/x", "https://n8n/webhook/x"),
    "CHATTERBOX_URL": ("http://tts:4801/v1", "http://tts:4801/v1"),
    "CHATTERBOX_VOICE_ID": ("alloy", "alloy"),
    "TTS_TIMEOUT_S": ("1.5", 1500),
    "TTS_STREAMING_CHUNK_SIZE": ("100", 100),
    "SILENCE_THRESHOLD_MS": ("800", 800),
    "MAX_SPEAKING_TIME_MS": ("45000", 45_000),
    "MAX_UTTERANCE_TIME_MS": ("46000", 46_000),
    "LOG_LEVEL": ("DEBUG", "debug"),
}


def at(settings: Settings, key: str) -> object:
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value.reveal() if hasattr(value, "reveal") else value


def test_table_names_settings_that_exist() -> None:
    """A setting that was renamed takes its variable along."""
    known = keys()
    for variable in (*VARIABLES, TEST_URL):
        assert {variable.key, *(key for key, _ in variable.implies)} <= known, variable.name


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_every_variable_reaches_its_setting(variable, tmp_path: Path) -> None:
    """Each name of the table alone sets its setting, and a URL selects the kind that it names."""
    text, expected = SAMPLES[variable.name]
    empty = tmp_path / "voxbridge.toml"
    empty.touch()
    settings = load(empty, {"CHATTERBOX_URL": "http://tts:4801", variable.name: text})
    assert at(settings, variable.key) == expected
    for key, implied in variable.implies:
        assert at(settings, key) == implied


@pytest.mark.parametrize(("name", "text"), [("CHATTERBOX_VOICE_ID", "alloy"), ("TTS_STREAMING_CHUNK_SIZE", "100")])
def test_variable_of_another_kind_is_left_out_and_told(tmp_path: Path, name: str, text: str) -> None:
    """It stands in a compose file of the original; the built-in voice has no such option, so that is said."""
    empty = tmp_path / "voxbridge.toml"
    empty.touch()
    loaded = load_noting(empty, {name: text})
    assert loaded.settings == Settings()
    (note,) = loaded.notes
    assert str(note).startswith(f"environment variable {name}: tts.")
    assert str(note).endswith('has no effect with kind = "embedded"')


def test_environment_wins_over_the_file(tmp_path: Path) -> None:
    """Defaults, then the file, then the environment."""
    file = tmp_path / "voxbridge.toml"
    file.write_text('[endpointing]\ncommit_ms = 700\npreroll_ms = 100\n[stt]\nkind = "whisperx"\nurl = "ws://file"\n')
    settings = load(file, {"SILENCE_THRESHOLD_MS": "900", "WHISPER_SERVER_URL": "ws://environment"})
    assert settings.endpointing.commit_ms == 900
    assert settings.endpointing.preroll_ms == 100
    assert isinstance(settings.stt, WhisperXSettings)
    assert settings.stt.url == "ws://environment"
    assert settings.endpointing.packet_gap_ms == Settings().endpointing.packet_gap_ms


def test_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    """Compose files pass variables that nobody set as empty texts."""
    file = tmp_path / "voxbridge.toml"
    file.write_text('[discord]\ntoken = "from-the-file"\n')
    settings = load(file, dict.fromkeys(SAMPLES, ""))
    assert settings.discord.token.reveal() == "from-the-file"
    assert settings.stt.kind == "embedded"


@pytest.mark.parametrize(("mode", "wanted"), [("true", "/webhook-test/x"), ("0", "/webhook/x")])
def test_test_mode_switches_the_webhook(tmp_path: Path, mode: str, wanted: str) -> None:
    """N8N_TEST_MODE chooses between the two addresses that n8n shows."""
    file = tmp_path / "voxbridge.toml"
    file.touch()
    environ = {
        "N8N_WEBHOOK_URL": "https://n8n/webhook/x",
        "N8N_WEBHOOK_TEST_URL": "https://n8n/webhook-test/x",
        "N8N_TEST_MODE": mode,
    }
    chosen = load(file, environ).agent
    assert isinstance(chosen, N8nSettings)
    assert chosen.url.reveal() == f"https://n8n{wanted}"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"SILENCE_THRESHOLD_MS": "fast"}, "SILENCE_THRESHOLD_MS: endpointing.commit_ms: cannot be read (got 'fast')"),
        ({"SILENCE_THRESHOLD_MS": "5"}, "variable SILENCE_THRESHOLD_MS: endpointing.commit_ms: this value is not"),
        ({"TTS_TIMEOUT_S": "inf"}, "Allowed: a number of seconds"),
        ({"LOG_LEVEL": "LOUD"}, "(got 'loud'). Allowed: debug | info | warning | error"),
        ({"CHATTERBOX_URL": "chatterbox:4800"}, "environment variable CHATTERBOX_URL: tts.url"),
        ({"N8N_TEST_MODE": "maybe"}, "(got 'maybe'). Allowed: true | false"),
        ({"N8N_TEST_MODE": "true"}, "N8N_WEBHOOK_TEST_URL must be set"),
    ],
)
def test_mistake_names_the_variable(tmp_path: Path, environ: dict[str, str], says: str) -> None:
    """What the environment got wrong is not blamed on the file."""
    file = tmp_path / "voxbridge.toml"
    file.touch()
    with pytest.raises(ConfigError) as caught:
        load(file, environ)
    assert says in str(caught.value), str(caught.value)
    assert str(file) not in str(caught.value)
