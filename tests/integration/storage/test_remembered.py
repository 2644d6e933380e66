"""Conversations that last: in a real file, soon after each turn, gone when a member or the settings say so."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.utils.helpers import wait_for_condition
from voxbridge.core.agents.conversation import AgentMemories, Conversations
from voxbridge.core.agents.history import HistoryRules, Message
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.ids import GuildId, UserId
from voxbridge.errors import StorageError
from voxbridge.storage.conversations import ConversationStore
from voxbridge.storage.remembered import Remembered
from voxbridge.storage.sqlite import SqliteFile

pytestmark = pytest.mark.integration

USER, CHANNEL = HistoryRules(), HistoryRules(scope="channel")
ADA, BOB = UserId(3), UserId(4)
GUILD = GuildId(1)
NOON = 1_790_000_000.0


def life(
    file: Path, *rules: HistoryRules, wall_s: float = NOON, lasting: bool = True
) -> tuple[Conversations, Remembered]:
    """Return what one run of the daemon has: its memory, and what makes it last."""
    began, conversations = trio.current_time(), Conversations(rules or (USER,))
    remembered = Remembered(
        AgentMemories({"default": conversations}),
        ConversationStore(SqliteFile(file, busy_s=0.05)),
        lasting=lasting,
        wall_s=lambda: wall_s + trio.current_time() - began,
        pauses=Backoff(base_s=0.02, cap_s=0.02),
    )
    return conversations, remembered


def turn(
    conversations: Conversations, number: int, text: str, answer: str, *, user: UserId = ADA, heard: str | None = None
) -> list[str]:
    """Live a turn; return what a model would have been told."""
    now = trio.current_time()
    conversation = conversations.begin(
        lambda scope: f"s:{scope}" if scope == "channel" else f"s:{user}",
        f"t{number}",
        str(user),
        text,
        now,
        name=f"<{user}>",
        heard=heard,
        guild=str(GUILD),
    )
    told = conversation.messages(USER, now)
    conversation.add(answer)
    conversation.close(now)
    return [message.content for message in told if message != Message("user", text)]


async def lived(remembered: Remembered) -> None:
    """Let a life end in order, what has changed in it stored."""
    await remembered.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(remembered.run)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_the_next_life_goes_on_with_the_conversation(tmp_path: Path) -> None:
    """What was said and heard, each member's own, with an answer that was cut short as it was heard."""
    file = tmp_path / "voxbridge.db"
    first, kept = life(file)
    turn(first, 1, "One?", "Yes, and there is more to say.")
    turn(first, 2, "Two?", "No.", heard="Yes, and")
    turn(first, 3, "Hello?", "Hi.", user=BOB)
    await lived(kept)
    second, kept = life(file, wall_s=NOON + 600.0)
    await kept.open()
    assert turn(second, 4, "Three?", "Maybe.") == ["One?", "Yes, and", "Two?", "No."]
    assert turn(second, 5, "And?", "Well.", user=BOB) == ["Hello?", "Hi."]


async def test_it_is_as_old_as_it_is(tmp_path: Path) -> None:
    """The time between two lives counts: what is too old then is not remembered, and is deleted from the file."""
    file = tmp_path / "voxbridge.db"
    first, kept = life(file)
    turn(first, 1, "What about pineapples?", "Yes.")
    await lived(kept)
    assert b"pineapples" in file.read_bytes()
    second, kept = life(file, wall_s=NOON + USER.age_s + 1.0)
    await lived(kept)
    assert turn(second, 2, "Two?", "No.") == []
    assert b"pineapples" not in file.read_bytes()


async def test_a_clock_that_wakes_up_in_the_past_loses_nothing(tmp_path: Path) -> None:
    """A machine without a battery believes it is 1970: the conversation is as good as new."""
    file = tmp_path / "voxbridge.db"
    first, kept = life(file)
    turn(first, 1, "One?", "Yes.")
    await lived(kept)
    second, kept = life(file, wall_s=1000.0)
    await kept.open()
    assert turn(second, 2, "Two?", "No.") == ["One?", "Yes."]


async def test_what_a_member_has_deleted_is_in_no_byte_of_the_file(tmp_path: Path) -> None:
    """Of the member's words and the answers to them; what others said stays, in memory and in the file."""
    file = tmp_path / "voxbridge.db"
    conversations, kept = life(file, CHANNEL, USER)
    await kept.open()
    turn(conversations, 1, "What about pineapples?", "Pineapples are tropical.")
    turn(conversations, 2, "What about zebras?", "Zebras are striped.", user=BOB)
    await kept.open()
    assert await kept.count(GUILD, ADA) == 1
    assert await kept.erase(GUILD, ADA) == 1
    await lived(kept)
    assert await kept.count(GUILD, ADA) == 0
    content = file.read_bytes().lower()
    assert b"pineapple" not in content
    assert b"zebras" in content
    assert turn(conversations, 3, "And?", "Well.", user=BOB) == ["What about zebras?", "Zebras are striped."]


async def test_what_a_last_life_stored_can_be_deleted_by_one_without_a_memory(tmp_path: Path) -> None:
    """The agent is a workflow now, which remembers by itself: what no agent can use any more is deleted at once."""
    file = tmp_path / "voxbridge.db"
    first, kept = life(file)
    turn(first, 1, "What about pineapples?", "Yes.")
    await lived(kept)
    kept = Remembered(
        AgentMemories({"default": Conversations([])}),
        ConversationStore(SqliteFile(file)),
        wall_s=lambda: NOON,
        pauses=Backoff(base_s=0.02),
    )
    await lived(kept)
    assert b"pineapples" not in file.read_bytes()


async def test_switched_off_the_file_has_nothing(tmp_path: Path) -> None:
    """Neither of this life nor of those before; the conversation goes on in memory."""
    file = tmp_path / "voxbridge.db"
    first, kept = life(file)
    turn(first, 1, "What about pineapples?", "Yes.")
    await lived(kept)
    second, kept = life(file, lasting=False)
    await kept.open()
    assert turn(second, 2, "What about zebras?", "No.") == []
    await lived(kept)
    assert turn(second, 3, "And?", "Well.") == ["What about zebras?", "No."]
    content = file.read_bytes()
    assert b"pineapples" not in content
    assert b"zebras" not in content


async def test_a_locked_file_holds_up_no_turn(tmp_path: Path) -> None:
    """The conversation goes on; when the file can be read at last, what it has comes before what was said meanwhile."""
    file = tmp_path / "voxbridge.db"
    first, kept = life(file)
    turn(first, 1, "One?", "Yes.")
    await lived(kept)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    second, kept = life(file)
    await kept.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.run)
        assert turn(second, 2, "Two?", "No.") == []
        with pytest.raises(StorageError, match="locked"):
            await kept.erase(GUILD, BOB)
        holder.execute("ROLLBACK")
        holder.close()
        await wait_for_condition(lambda: len(turn(second, 9, "?", "")) == 4, timeout=10)
        nursery.cancel_scope.cancel()
    third, kept = life(file)
    await kept.open()
    assert turn(third, 3, "Three?", "Maybe.") == ["One?", "Yes.", "Two?", "No."]


async def test_rows_of_another_hand_are_passed_over(tmp_path: Path) -> None:
    """What somebody wrote into the table by hand and cannot be read costs itself alone."""
    file = tmp_path / "voxbridge.db"
    first, kept = life(file)
    turn(first, 1, "One?", "Yes.")
    await lived(kept)
    with sqlite3.connect(file) as connection:
        for number, answer, ended_at in ((7, b"\xff", 1.0), (8, "x", "noon"), (9, "x", float("inf"))):
            row = ("user", "s:3", number, "t", "1", "3", "?", "?", answer, 0, ended_at)
            connection.execute("INSERT INTO exchange VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.close()
    second, kept = life(file)
    await kept.open()
    assert turn(second, 2, "Two?", "No.") == ["One?", "Yes."]


WRITER = """
import sqlite3, sys, time, trio
from pathlib import Path
from voxbridge.core.agents.conversation import AgentMemories, Conversations
from voxbridge.core.agents.history import HistoryRules
from voxbridge.storage.conversations import ConversationStore
from voxbridge.storage.remembered import Remembered
from voxbridge.storage.sqlite import SqliteFile

def stored(number):
    with sqlite3.connect(sys.argv[1]) as connection:
        rows = connection.execute("SELECT turn_id FROM exchange").fetchall()
    connection.close()
    return (str(number),) in rows

async def main():
    conversations = Conversations([HistoryRules()])
    memories, store = AgentMemories({"default": conversations}), ConversationStore(SqliteFile(Path(sys.argv[1])))
    kept = Remembered(memories, store, wall_s=time.time)
    await kept.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.run)
        number = int(sys.argv[2])
        while True:
            number += 1
            now = trio.current_time()
            talk = conversations.begin(lambda scope: "s", str(number), "3", f"{number}?", now, name="", heard=None)
            talk.add(f"{number}.")
            talk.close(now)
            print(number, flush=True)
            while not stored(number):  # as in a conversation: a turn takes longer than a write
                await trio.sleep(0.01)

trio.run(main)
"""


async def test_killed_in_a_loop_the_last_turn_is_all_that_is_lost(tmp_path: Path) -> None:
    """kill -9 between turns and in the middle of writing: each life goes on where the last one was, but for a turn."""
    file, last = tmp_path / "voxbridge.db", 0
    for round_number in range(4):
        command = [sys.executable, "-c", WRITER, str(file), str(last)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:  # noqa: ASYNC220
            assert writer.stdout is not None
            for _ in range(3 + round_number):
                last = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
            last = int([str(last).encode(), *writer.stdout.read().split()][-1])
        kept = await ConversationStore(SqliteFile(file)).load()
        (exchanges,) = kept.values()
        numbers = [int(one.turn_id) for one in exchanges]
        assert [one.answer for one in exchanges] == [f"{number}." for number in numbers], "half of a turn"
        assert numbers[-1] >= last - 1, f"turn {last} was over, {numbers[-1]} is the last one stored"
        assert numbers == list(range(1, numbers[-1] + 1)) or round_number, "a turn is missing"


async def test_each_agent_has_its_own_memory_in_the_file(tmp_path: Path) -> None:
    """Two profiles with agents of their own, under one name of the conversation: neither tells the other anything."""
    file = tmp_path / "voxbridge.db"

    def both() -> tuple[Conversations, Conversations, Remembered]:
        iris, otto = Conversations([USER]), Conversations([USER])
        store = ConversationStore(SqliteFile(file))
        return iris, otto, Remembered(AgentMemories({"iris": iris, "otto": otto}), store, wall_s=lambda: NOON)

    iris, otto, kept = both()
    turn(iris, 1, "One?", "Yes.")
    turn(otto, 2, "Two?", "No.")
    await lived(kept)
    iris, otto, kept = both()
    await kept.open()
    assert await kept.count(GUILD, ADA) == 2
    assert turn(iris, 3, "And?", "Well.") == ["One?", "Yes."]
    assert turn(otto, 4, "And?", "Well.") == ["Two?", "No."]
