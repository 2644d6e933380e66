"""Reading the configuration: order, strictness, and messages that say how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxbridge.config import Settings, find_file, inline_secrets, load
from voxbridge.errors import EXIT_CONFIG, ConfigError
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings

pytestmark = pytest.mark.unit

CHATTERBOX = "[tts]\nkind = 'chatterbox'\nurl = 'http://h'\n"
BACKUP = "[" + CHATTERBOX.replace("]", ".backup]]")
PRECIOUS = "precious-value-0123456789"


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        file = tmp_path / "voxbridge.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def refusal(file: Path, environ: dict[str, str] | None = None) -> ConfigError:
    """Load what must be refused and return the error, which never holds the precious value."""
    with pytest.raises(ConfigError) as caught:
        load(file, environ or {})
    told = "\n".join([str(caught.value), repr(caught.value), *getattr(caught.value, "__notes__", ())])
    assert PRECIOUS not in told, f"a secret is in the message: {told}"
    assert caught.value.exit_code == EXIT_CONFIG
    return caught.value


def test_empty_file_gives_the_defaults(write) -> None:
    """What is not set has the default that its class gives it."""
    assert load(write(""), {}) == Settings()


def test_values_of_every_kind_are_read(write) -> None:
    """Texts, numbers, lists, tables, secrets and nested tables arrive as the types that the classes name."""
    file = write(
        f"""
        [discord]
        token = "{PRECIOUS}"
        join = ["1:2", "3:4"]
        require_e2ee = false
        [discord.network]
        hosts = {{ "discord.com" = "127.0.0.1:8443", "*.discord.media" = "[::1]:9000" }}
        [agent]
        kind = "n8n"
        url = "https://n8n.example.org/webhook/x"
        headers = {{ X-Api-Key = "{PRECIOUS}" }}
        [tts]
        kind = "chatterbox"
        url = "http://tts.example.org:4123"
        exaggeration = 1
        """
    )
    settings = load(file, {})
    assert settings.discord.token.reveal() == PRECIOUS
    assert settings.discord.join == ("1:2", "3:4")
    assert settings.discord.require_e2ee is False
    assert settings.discord.network.hosts["*.discord.media"] == "[::1]:9000"
    assert isinstance(settings.agent, N8nSettings)
    assert settings.agent.headers["X-Api-Key"].reveal() == PRECIOUS
    assert isinstance(settings.tts, ChatterboxSettings)
    assert settings.tts.exaggeration == 1.0
    assert isinstance(settings.tts.exaggeration, float)


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("[discrod]", "discrod", "Did you mean discord?"),
        ('[stt]\nlangauge = "en"', "stt.langauge", "Did you mean language?"),
        ("[stt]\ncommit_ms = 400", "stt.commit_ms", "Did you mean endpointing.commit_ms?"),
        ("[log]\nzzz = 1", "log.zzz", "Allowed: level, format, speech"),
        ("[discord.netwrok]\nhosts = {}", "discord.netwrok", "Did you mean network?"),
        ("stt = 4", "stt", "Allowed: a table"),
        ('[stt]\nlimit_ms = "5"', "stt.limit_ms", "(got '5'). Allowed: a whole number"),
        ("[stt]\nlimit_ms = 5.5", "stt.limit_ms", "(got 5.5). Allowed: a whole number"),
        ("[stt]\nlimit_ms = true", "stt.limit_ms", "(got True). Allowed: a whole number"),
        ("[stt]\nlimit_ms = 0", "stt.limit_ms", "(got 0). Allowed: 1 to 3600000"),
        ("[log]\nspeech = 1", "log.speech", "Allowed: true or false"),
        ("[tts]\nlexicon = 7", "tts.lexicon", "Allowed: a table of names and values"),
        ('[tts]\nkind = "chaterbox"', "tts.kind", "(got 'chaterbox'). Allowed: embedded | chatterbox"),
        (CHATTERBOX + 'exaggeration = "0.5"', "tts.exaggeration", "(got '0.5'). Allowed: a number"),
        (CHATTERBOX + "cfg_weight = true", "tts.cfg_weight", "(got True). Allowed: a number"),
        (CHATTERBOX + "temperature = nan", "tts.temperature", "Allowed: 0.05 to 5.0"),
        (CHATTERBOX + "streaming_chunk_size = 49.5", "tts.streaming_chunk_size", "(got 49.5). Allowed: a whole number"),
        (
            "[[tts.backup]]\nkind = 'chatterbox'\nurl = 'http://h'\ntemperature = nan",
            "tts.backup[0].temperature",
            "Allowed: 0.05 to 5.0",
        ),
        ('[discord]\njoin = "1:2"', "discord.join", "Allowed: a list in [brackets]"),
        ("[discord]\njoin = [12]", "discord.join[0]", "Allowed: a text in quotes"),
        ('[discord]\njoin = ["1:2", "General"]', "discord.join[1]", "guild_id:channel_id"),
        ('[discord.network.hosts]\n"discord.com" = "127.0.0.1"', 'discord.network.hosts."discord.com"', "address:port"),
        ('[stt]\nkind = "whisperx"\nurl = "http://host:4901"', "stt.url", "Allowed: ws://"),
        ('[stt]\nkind = "whisperx"\nurl = "ws://host:port"', "stt.url", "ws://host[:port]"),
        ('[stt]\nkind = "whisperx"', "stt.url", 'is needed with kind = "whisperx"'),
        ('[agent]\nkind = "n8n"', "agent.url", 'is needed with kind = "n8n"'),
        ('[[stt.backup]]\nkind = "whisperx"', "stt.backup[0].url", 'is needed with kind = "whisperx"'),
        ('[[stt.backup]]\n[[stt.backup]]\nlimit_ms = "3"', "stt.backup[1].limit_ms", "Allowed: a whole number"),
        ("[[tts.backup]]\nzz = 3", "tts.backup[0].zz", "there is no such setting"),
        ("[[tts.backup]]\n[[tts.backup.backup]]", "tts.backup", "a backup cannot have backups"),
        ("[stt]\nbackup = [3]", "stt.backup[0]", "Allowed: a table"),
        ("[tts.lexicon]\nen = [1]", 'tts.lexicon."en"', "Allowed: a table of names and values"),
        ("[tts.options]\nspeeds = [1]", "tts.options", "there is no such setting"),
        ("[endpointing]\nguess_ms = 600", "endpointing.guess_ms", "Allowed: up to commit_ms, 500"),
        ("[endpointing]\ncommit_ms = 1700", "endpointing.hesitant_commit_ms", "Allowed: commit_ms, 1700, or more"),
        ("[stt]\nlimit_ms = ", "", "is not TOML"),
    ],
)
def test_mistake_is_named_with_file_key_value_and_what_is_allowed(write, text: str, key: str, says: str) -> None:
    """A message is enough to mend the file without opening the documentation."""
    file = write(text)
    error = refusal(file)
    assert (error.file, error.key) == (str(file), key)
    assert says in str(error), f"the message does not say {says!r}: {error}"


@pytest.mark.parametrize(
    "text",
    [
        f'[discord]\ntokn = "{PRECIOUS}"',
        f'["{PRECIOUS[:4]}"]\ntoken = "{PRECIOUS}"',
        f'[discord]\ntoken = ["{PRECIOUS}"]',
        f'[discord]\ntoken = {{ text = "{PRECIOUS}" }}',
        f'[discord]\njoin = ["1:2"]\nnetwork = ["{PRECIOUS}"]',
        f'[agent]\nurl = "ftp://n8n.example.org/webhook/{PRECIOUS}"',
        f'[agent]\nurl = "n8n.example.org/webhook/{PRECIOUS}"',
        f'[agent]\nheaders = {{ X-Key = ["{PRECIOUS}"] }}',
        f'[agent]\nheaders = {{ X-Key = "{PRECIOUS}\\nX-Other: 1" }}',
        f'[stt]\nurl = "ftp://user:{PRECIOUS}@host/x"',
        f'[tts]\nurl = "ws://host/{PRECIOUS}"',
        f'[tts]\nurl = {{ text = "{PRECIOUS}" }}',
        f'[discord]\ntoken = "{PRECIOUS}',
        f'discord = "{PRECIOUS}"',
        f'[discord]\njoin = "{PRECIOUS}"',
        f'[agent]\nheaders = "Bearer {PRECIOUS}"',
        f'[agent]\nauth = "{PRECIOUS}"',
    ],
)
def test_refusal_never_shows_what_may_be_a_secret(write, text: str) -> None:
    """A secret at a wrong place, under a wrong name or of a wrong form is not quoted."""
    refusal(write(text))


def test_all_mistakes_are_told_at_once(write) -> None:
    """Who has three mistakes in a file learns of three, not of one after the other."""
    error = refusal(write('[stt]\nlimit_ms = "a"\ntarget_ms = "b"\n[tts]\nvoyce = "x"'))
    assert error.key == "stt.target_ms"
    told = error.__notes__
    assert [note.split(": ")[1] for note in told] == ["stt.limit_ms", "tts.voyce"]


def test_missing_file_is_refused_and_init_is_named(tmp_path: Path) -> None:
    """A file that was asked for must be there."""
    error = refusal(tmp_path / "nowhere.toml")
    assert "voxbridge init" in str(error)


def test_file_is_looked_for_here_then_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """./voxbridge.toml comes before $VOXBRIDGE_CONFIG, and a file that is named must not be there to be named."""
    monkeypatch.chdir(tmp_path)
    named = tmp_path / "named.toml"
    assert find_file({"VOXBRIDGE_CONFIG": str(named)}) == named
    (tmp_path / "voxbridge.toml").touch()
    assert find_file({"VOXBRIDGE_CONFIG": str(named)}) == Path("voxbridge.toml")


def test_inline_secrets_are_found_by_key(write) -> None:
    """Only what the file itself holds counts, not where it points to."""
    file = write(
        """
        [discord]
        token = { env = "T" }
        [agent]
        kind = "n8n"
        url = "https://n8n.example.org/webhook/x"
        auth = { secret = "under its former name" }
        headers = { file = "a header called file" }
        """
    )
    assert inline_secrets(file) == ["agent.url", "agent.headers", "agent.api_key"]
    assert inline_secrets(write('[agent]\nkind = "n8n"\nheaders = { X = { file = "f" } }')) == []


@pytest.mark.parametrize(
    ("url", "found"),
    [("http://localhost:11434", []), ("http://me:word@host:11434", ["agent.url"]), ("http://h/?key=1", ["agent.url"])],
)
def test_the_address_of_a_models_server_is_no_secret(write, url: str, found: list[str]) -> None:
    """Unless a password or a key stands in it: who follows the first hour is not warned of `localhost`."""
    assert inline_secrets(write(f'[agent]\nkind = "ollama"\nmodel = "m"\nurl = "{url}"\n')) == found
