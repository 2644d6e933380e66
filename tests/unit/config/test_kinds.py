"""Options stand with their kind: what another kind has is a mistake; former names work; plug-ins use the same door."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from voxbridge.cli import main
from voxbridge.config import load, load_noting, template
from voxbridge.config.catalogue import entries, fields_of
from voxbridge.config.kinds import BUILT_IN, STAGES, Kind, find_kind, kind_names, make_stage, settings_of
from voxbridge.config.secrets import Secret
from voxbridge.errors import EXIT_CONFIG, ConfigError, StageName

pytestmark = pytest.mark.unit

EVERY_KIND = [(stage, kind) for stage in BUILT_IN for kind in BUILT_IN[stage]]
BASES = {stage: base for base, stage in STAGES.items()}
URLS = {
    "wyoming": "tcp://h:1",
    "whisperx": "ws://h",
    "whisperlive": "ws://h",
    "whisperlivekit": "ws://h",
    "deepgram": "ws://h",
}

N8N = '[agent]\nkind = "n8n"\nurl = "http://h"\n'
DIFY_BACKUP = '[[agent.backup]]\nkind = "dify"\nurl = "http://h"\n'
PLUGIN = """
import attrs
from voxbridge.config.kinds import Kind
from voxbridge.config.rules import between, option, own_kind
from voxbridge.config.stages import TtsSettings

@attrs.frozen(kw_only=True)
class ParrotSettings(TtsSettings):
    kind: str = own_kind("parrot")
    pitch_hz: int = option(440, "How high it whistles.", between(50, 2000))

class Parrot:
    name = "parrot"
    def __init__(self, settings):
        self.pitch_hz = settings.pitch_hz

KIND = Kind(ParrotSettings, Parrot)
"""


def write(directory: Path, text: str) -> Path:
    file = directory / "voxbridge.toml"
    file.write_text(text)
    return file


def refusal(file: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])


def table(stage: str, kind: str) -> str:
    """Return the least that a kind wants."""
    needed = "" if kind == "embedded" else f'url = "{URLS.get(kind, "http://h")}"\n'
    has_model = stage == "agent" and kind in ("openai", "ollama")
    return f'[{stage}]\nkind = "{kind}"\n{needed}' + ('model = "m"\n' if has_model else "")


def options_of(stage: StageName, kind: str) -> set[str]:
    return {field.name for field in fields_of(find_kind(stage, kind).settings)}


@pytest.mark.parametrize(("stage", "kind"), EVERY_KIND)
def test_each_kind_is_what_its_name_says(stage: StageName, kind: str, tmp_path: Path) -> None:
    """The class that the loader chooses is the kind's own, and bears its name."""
    found = find_kind(stage, kind)
    settings = getattr(load(write(tmp_path, table(stage, kind)), {}), stage)
    assert type(settings) is found.settings
    assert settings.kind == kind


@pytest.mark.parametrize(("stage", "kind"), EVERY_KIND)
def test_option_of_another_kind_is_refused_and_names_those_that_have_it(
    stage: StageName, kind: str, tmp_path: Path
) -> None:
    """Every option of every other kind, one after the other: it would have no effect."""
    own = options_of(stage, kind)
    foreign = {entry.key.split(".")[1] for entry in entries() if entry.key.startswith(f"{stage}.")} - own
    assert foreign or (stage, kind) == ("agent", "none")
    for name in foreign:
        those = [other for other in kind_names(stage) if name in options_of(stage, other)]
        told = refusal(write(tmp_path, table(stage, kind) + f"{name} = 1\n"))
        assert f'{stage}.{name}: is not an option of kind = "{kind}". Allowed: with kind = {" | ".join(those)}' in told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[agent]\nkind = "n8n"\nurl = "http://h"\nmax_tokens = 5\n', "with kind = openai | ollama"),
        ('[stt]\nkind = "whisperx"\nurl = "ws://h"\nhints = ["a"]\n', "with kind = whisperlive | deepgram | openai"),
        (
            '[[tts.backup]]\nkind = "wyoming"\nurl = "tcp://h:1"\napi_key = "k"\n',
            "tts.backup[0].api_key: is not an option",
        ),
        ('[stt]\nkind = "whisperx"\nurl = "ws://h"\ntoken = "k"\n', "stt.token: is not an option of kind"),
        ('[agent.auth]\nkind = "basic"\n', "agent.auth: is not an option of kind"),
        ('[[stt.backup]]\nlanguage = "de"\n', "stt.backup[0].language: holds for the backups too: write it into [stt]"),
        ("[[tts.backup]]\nhedge = true\n", "write it into [tts]"),
    ],
)
def test_misplaced_option_is_told_in_words_and_ends_with_78(text: str, says: str, tmp_path: Path) -> None:
    """Also in a backup, under a former name, and as a table."""
    file = write(tmp_path, text)
    assert says in refusal(file)
    done = CliRunner(env={"DISCORD_TOKEN": "x"}).invoke(main, ["run", "--config", str(file)])
    assert done.exit_code == EXIT_CONFIG
    assert says in done.stderr


@pytest.mark.parametrize(
    ("text", "former", "name"),
    [
        ('[stt]\nkind = "deepgram"\nurl = "wss://h"\ntoken = "k3y"\n', "stt.token", "stt.api_key"),
        (N8N + '[agent.auth]\nkind = "basic"\nuser = "u"\nsecret = "k3y"\n', "agent.auth.secret", "agent.api_key"),
        (N8N + 'auth = { kind = "bearer", secret = "k3y" }\n', "agent.auth.secret", "agent.api_key"),
        (DIFY_BACKUP + 'auth.secret = "k3y"\n', "agent.backup[0].auth.secret", "agent.backup[0].api_key"),
    ],
)
def test_former_name_of_a_key_still_works_and_is_told(text: str, former: str, name: str, tmp_path: Path) -> None:
    """One line says the new name; the key arrives all the same."""
    file = write(tmp_path, text)
    loaded = load_noting(file, {})
    assert [str(note) for note in loaded.notes] == [
        f"{file}: {former}: is called {name} now; the former name still works"
    ]
    stage = getattr(loaded.settings, name.partition(".")[0])
    backend = stage.backup[0] if "backup" in name else stage
    assert backend.api_key == Secret("k3y")


@pytest.mark.parametrize(("stage", "kind"), EVERY_KIND)
def test_key_has_one_name_in_every_stage(stage: StageName, kind: str) -> None:
    """Nobody has to look up how a key is called here."""
    secrets = {field.name for field in fields_of(find_kind(stage, kind).settings) if field.type is Secret}
    assert secrets <= {"api_key", "url"}


def test_both_names_at_once_are_refused(tmp_path: Path) -> None:
    """Which of the two keys was meant, nobody knows."""
    told = refusal(write(tmp_path, '[stt]\nkind = "deepgram"\nurl = "wss://h"\ntoken = "a"\napi_key = "b"\n'))
    assert "stt.token: is the former name of stt.api_key, which is set as well" in told


@pytest.mark.parametrize(
    ("auth", "key", "says"),
    [
        ('kind = "basic"', "", 'agent.api_key: is needed with auth.kind = "basic"'),
        ('kind = "none"', "k", 'agent.api_key: is not used with auth.kind = "none"'),
        ('kind = "jwt"\nuser = "u"', "k", "agent.auth.user: is used with kind = basic only"),
        ('claims = { iss = "v" }', "k", "agent.auth.claims: is used with kind = jwt only"),
    ],
)
def test_credentials_that_do_not_go_together_are_refused(auth: str, key: str, says: str, tmp_path: Path) -> None:
    """None of them would have an effect."""
    told = refusal(
        write(tmp_path, f'[agent]\nkind = "n8n"\nurl = "http://h"\napi_key = "{key}"\n[agent.auth]\n{auth}\n')
    )
    assert says in told


def test_plug_in_with_settings_of_its_own_is_like_a_built_in_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loader reads and checks them, the template shows them, a mistake names it: one door for all."""
    (tmp_path / "whistle.py").write_text(PLUGIN)
    info = tmp_path / "whistle-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: whistle\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[voxbridge.tts]\nparrot = whistle:KIND\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        assert kind_names("tts")[-1] == "parrot"
        assert isinstance(find_kind("tts", "parrot"), Kind)
        file = write(tmp_path, '[tts]\nkind = "parrot"\npitch_hz = 660\n[[tts.backup]]\n')
        assert make_stage("tts", load(file, {}).tts, "").pitch_hz == 660
        too_low = refusal(write(tmp_path, '[tts]\nkind = "parrot"\npitch_hz = 20\n'))
        assert "tts.pitch_hz: this value is not allowed (got 20). Allowed: 50 to 2000" in too_low
        assert "with kind = parrot" in refusal(write(tmp_path, "[tts]\npitch_hz = 660\n"))
        assert 'is not an option of kind = "parrot"' in refusal(
            write(tmp_path, '[tts]\nkind = "parrot"\nurl = "http://h"\n')
        )
        assert "# With kind = parrot: How high it whistles. Allowed: 50 to 2000.\n#pitch_hz = 440\n" in template()
    finally:
        sys.modules.pop("whistle", None)


def test_settings_by_a_name_that_nobody_has_are_refused() -> None:
    """The message lists what there is."""
    with pytest.raises(ConfigError, match=r"Allowed: embedded \| chatterbox"):
        settings_of("tts", "espeak")


FINDERS = ("deepgram", "openai", "whisperlive", "whisperlivekit", "wyoming")


@pytest.mark.parametrize("kind", list(BUILT_IN["stt"]))
def test_language_auto_is_for_the_kinds_whose_servers_find_it_out(tmp_path, kind):
    """`auto` is taken where the server finds the language out, and refused elsewhere with the kind's name."""
    url = "" if kind == "embedded" else f'url = "{URLS.get(kind, "http://h")}"\n'
    for option in ('language = "auto"', '[stt.languages]\n"123" = "auto"'):
        file = write(tmp_path, f'[stt]\nkind = "{kind}"\n{url}{option}\n')
        if kind in FINDERS:
            assert load(file, {}).stt.finds_language
        else:
            said = refusal(file)
            assert "auto" in said
            assert kind in said


def test_language_auto_is_for_the_backups_too(tmp_path):
    """`auto` is refused if one of the backups cannot find the language out."""
    file = write(
        tmp_path,
        '[stt]\nkind = "openai"\nurl = "http://h"\nlanguage = "auto"\n[[stt.backup]]\nkind = "embedded"\n',
    )
    assert "embedded" in refusal(file)
