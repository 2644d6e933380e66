"""The names that a speech-to-text server is told to expect are those of the people in the channel."""

from __future__ import annotations

import attrs
import pytest
import trio
import trio.testing

from tests.support.hall import open_hall
from voxbridge.config.kinds import settings_of
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.stages.contracts import Speaker
from voxbridge.stages.stt.settings import expected_words

pytestmark = pytest.mark.integration

URLS = {"whisperlive": "ws://h", "deepgram": "wss://h", "openai": "http://h"}


async def test_names_follow_the_roster(autojump_clock: trio.testing.MockClock) -> None:
    """Who comes is expected of everybody, who goes no more, and bots never; a name is one line."""
    async with open_hall() as hall:
        hall.port.join(1, "Ada")
        await trio.sleep(0.1)
        (ada,) = hall.room.speakers
        assert ada.speaker.vocabulary == ("Ada",)
        hall.port.join(2, "Bob\nthe  Builder")
        hall.port.join(3, "Radio", is_bot=True)
        await trio.sleep(0.1)
        assert [each.speaker.vocabulary for each in hall.room.speakers] == [("Ada", "Bob the Builder")] * 2
        hall.port.leave(UserId(2))
        await trio.sleep(0.1)
        assert ada.speaker.vocabulary == ("Ada",)


@pytest.mark.parametrize("kind", ["whisperlive", "deepgram", "openai"])
def test_names_are_kept_if_the_operator_wants_it(kind: str) -> None:
    """With stt.member_hints = false no name leaves, and the operator's own words do."""
    ada = Speaker(UserId(1), "Ada", GuildId(2), ChannelId(3), names_now=lambda: ["Ada"])
    settings = settings_of("stt", kind, url=URLS[kind], hints=("Hibari",))
    assert expected_words(settings, ada) == ("Hibari", "Ada")
    assert expected_words(attrs.evolve(settings, member_hints=False), ada) == ("Hibari",)
