"""What changes live and what waits for a restart, key by key."""

from __future__ import annotations

import attrs
import pytest

from voxbridge.config.catalogue import entries
from voxbridge.config.secrets import Secret
from voxbridge.config.service import LogSettings
from voxbridge.config.settings import Settings
from voxbridge.config.stages import SttSettings
from voxbridge.config.turns import EndpointingSettings, TurnSettings
from voxbridge.errors import ConfigError
from voxbridge.ops.reload import change, moves, refused
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.stt.whisperx import WhisperXSettings

pytestmark = pytest.mark.unit

OLD = Settings()


def test_what_is_live_is_taken_over_and_the_rest_is_named() -> None:
    """The settings in force are the old ones with the live changes: the rest still holds what it was made with."""
    new = attrs.evolve(
        OLD,
        log=LogSettings(level="debug"),
        endpointing=EndpointingSettings(commit_ms=700, turn_model=False),
        stt=SttSettings(target_ms=300, limit_ms=4000),
    )
    found = change(OLD, new)
    assert found.applied == ("endpointing.commit_ms", "log.level")
    assert found.needs_restart == ("endpointing.turn_model", "stt.target_ms", "stt.limit_ms")
    assert found.settings.endpointing.commit_ms == 700
    assert found.settings.endpointing.turn_model is True
    assert (found.settings.stt.target_ms, found.settings.stt.limit_ms) == (400, OLD.stt.limit_ms)
    assert found.settings.log.level == "debug"


def test_nothing_changed_is_nothing_done() -> None:
    """Reading the same file again gives the very settings there are."""
    found = change(OLD, Settings())
    assert (found.applied, found.needs_restart) == ((), ())
    assert found.settings is OLD


def test_secrets_wait_for_a_restart_and_are_named_by_key_only() -> None:
    """A client holds the old one; what a reload says is read by people and logs."""
    new = attrs.evolve(
        OLD,
        discord=attrs.evolve(OLD.discord, token=Secret("planted-token")),
        agent=N8nSettings(url=Secret("https://planted/hook"), headers={"X-Key": Secret("planted-key")}),
    )
    found = change(OLD, new)
    assert set(found.needs_restart) >= {"discord.token", "agent.headers"}
    assert "planted" not in repr(found)


def test_a_second_reload_names_again_what_still_waits() -> None:
    """What needs a restart is compared with what is in force, not with the last file."""
    new = attrs.evolve(OLD, turn=TurnSettings(apology="Pardon?"))
    once = change(OLD, new)
    assert change(once.settings, new).needs_restart == ("turn.apology",)


def test_another_kind_waits_with_all_that_it_brings() -> None:
    """The backend in force goes on with its own options."""
    new = attrs.evolve(OLD, stt=WhisperXSettings(url="ws://stt", language="de"))
    found = change(OLD, new)
    assert found.applied == ()
    assert set(found.needs_restart) == {"stt.kind", "stt.language", "stt.url"}
    assert found.settings.stt.kind == "embedded"
    back = change(new, OLD)
    assert set(back.needs_restart) == {"stt.kind", "stt.language", "stt.url"}


def test_what_discord_was_told_at_the_login_waits_by_its_name() -> None:
    """Own texts hold at once, but for what commands are called and are for: that is named, again and again."""
    texts = {"agent_down": "It sleeps.", "de.about_ask": "Frag mich", "name_ask": "frage"}
    new = attrs.evolve(OLD, discord=attrs.evolve(OLD.discord, texts=texts, language="de"))
    for old in (OLD, change(OLD, new).settings):
        found = change(old, new)
        assert set(found.needs_restart) == {"discord.texts.de.about_ask", "discord.texts.name_ask"}
        assert found.settings.discord.texts == {"agent_down": "It sleeps."}
    assert set(change(OLD, new).applied) == {"discord.texts", "discord.language"}


@pytest.mark.parametrize(
    ("key", "live"),
    [
        ("log.speech", True),
        ("barge_in.by", True),
        ("drain.limit_ms", True),
        ("discord.join", True),
        ("discord.language", True),
        ("discord.texts", True),
        ("discord.token", False),
        ("discord.network.hosts", False),
        ("turn.limit_ms", True),
        ("turn.apology", False),
        ("engines.workers", False),
        ("health.listen", False),
    ],
)
def test_rules(key: str, live: bool) -> None:
    """Made at the start: not live. Looked at anew for each thing that begins: live."""
    (entry,) = [entry for entry in entries() if entry.key == key]
    assert entry.field.metadata["live"] is live


def test_a_changed_join_list_moves_only_what_it_changes() -> None:
    """A channel that stands in both lists is left alone, wherever a command has sent us meanwhile."""
    found = moves(("1:10", "2:20", "3:30"), ("1:10", "2:21", "4:40"))
    assert found.leave == (3,)
    assert found.join == ((2, 21), (4, 40))


def test_a_join_list_with_a_guild_twice_is_refused() -> None:
    """Before anything is done."""
    with pytest.raises(ConfigError, match="one channel per guild"):
        moves((), ("1:10", "1:11"))


def test_a_refusal_tells_every_mistake() -> None:
    """The loader gathers them as notes of the first."""
    error = ConfigError("is wrong", key="a.b")
    error.add_note("c.d: is wrong as well")
    assert refused(error).problems == ("a.b: is wrong", "c.d: is wrong as well")
    assert not refused(error).is_taken
