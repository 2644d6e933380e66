"""The three layers: what holds in a channel, and where each value came from."""

from __future__ import annotations

import pytest

from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.profiles.layers import DEFAULT, Choice, FileLayers, Origin, Profile, Settled, What, in_channel

pytestmark = pytest.mark.unit

GUILD, CHANNEL, OTHER = GuildId(1), ChannelId(10), ChannelId(11)
IRIS = Profile("iris", ("Iris",), voice="alice", mode="everyone")
OTTO = Profile("otto", ("Otto",), language="de")
FILE = FileLayers(
    {DEFAULT: Profile(DEFAULT, voice="usual", language="en", mode="addressed"), "iris": IRIS, "otto": OTTO},
    guilds={1: ("otto", "iris")},
    channels={10: ("iris",)},
)


def chosen(**values: tuple[str, Origin]) -> Choice:
    """Return choices by what they are of; of voices, all of one profile are called ``voice_NAME``."""
    return lambda what, profile: values.get(f"{what}_{profile}" if profile else what)


NOTHING = chosen()


def test_the_file_says_who_answers_where() -> None:
    """A channel's table goes before its server's; where there is none, all may answer, the file's own first."""
    assert in_channel(FILE, GUILD, CHANNEL, NOTHING).profiles == ("iris",)
    assert in_channel(FILE, GUILD, OTHER, NOTHING).profiles == ("otto", "iris")
    assert in_channel(FILE, GuildId(2), OTHER, NOTHING).profiles == (DEFAULT, "iris", "otto")


@pytest.mark.parametrize(
    ("what", "choices", "wanted"),
    [
        ("language", {}, Settled("de", "profile")),
        ("language", {"language": ("fr", "server")}, Settled("fr", "server")),
        ("mode", {}, Settled("addressed", "file")),
        ("mode", {"mode": ("lock", "channel")}, Settled("lock", "channel")),
        ("voice", {}, Settled("usual", "file")),
        ("voice", {"voice_otto": ("bob", "server")}, Settled("bob", "server")),
        ("voice", {"voice_iris": ("bob", "server")}, Settled("usual", "file")),
        ("agent", {}, Settled("otto", "file")),
        ("agent", {"agent": ("iris", "server")}, Settled("iris", "server")),
    ],
)
def test_each_value_knows_where_it_came_from(
    what: What, choices: dict[str, tuple[str, Origin]], wanted: Settled
) -> None:
    """What was chosen goes before the profile of who answers first, and that before the file."""
    assert in_channel(FILE, GUILD, OTHER, chosen(**choices)).of(what) == wanted


def test_who_is_chosen_answers_first_and_brings_language_and_mode() -> None:
    """The others stay, and are answered by name."""
    holds = in_channel(FILE, GUILD, OTHER, chosen(agent=("iris", "server")))
    assert holds.profiles == ("iris", "otto")
    assert (holds.mode, holds.language) == (Settled("everyone", "profile"), Settled("en", "file"))


@pytest.mark.parametrize("name", ["nobody", "otto"])
def test_a_choice_that_the_file_does_not_allow_is_passed_over(name: str) -> None:
    """A profile that is gone, or that the operator keeps out of the channel."""
    assert in_channel(FILE, GUILD, CHANNEL, chosen(agent=(name, "channel"))).agent == Settled("iris", "file")


def test_the_file_s_voice_is_none_for_a_server_of_one_s_own() -> None:
    """It would not know it."""
    file = FileLayers({DEFAULT: FILE.profiles[DEFAULT], "eve": Profile("eve", has_own_server=True)})
    assert in_channel(file, GUILD, None, NOTHING).voices["eve"] == Settled("", "file")


def test_a_server_s_language_in_the_file_is_the_file_s() -> None:
    """stt.languages goes before stt.language, and after a profile's own."""
    file = FileLayers(FILE.profiles, languages={1: "es"})
    assert in_channel(file, GUILD, None, NOTHING).language == Settled("es", "file")
    assert in_channel(file, GUILD, None, chosen(agent=("otto", "server"))).language == Settled("de", "profile")
