"""The conversations that a server keeps for us, by session."""

from __future__ import annotations

import inspect

import pytest

from voxbridge.core.agents import threads as module
from voxbridge.core.agents.threads import Thread, Threads

pytestmark = pytest.mark.unit


def thread(number: int, user: str = "2") -> Thread:
    given = {"id": f"t{number}", "guild": "1", "user": user}
    return Thread(**{name: given.get(name, "") for name in inspect.signature(Thread).parameters})


def test_a_change_is_told_once_and_the_same_again_is_none():
    """Who keeps conversations over a restart is told what is new, and of a conversation that was dropped."""
    told = []
    threads = Threads("dify")
    threads.when_changed(lambda session, each: told.append((session, each)))
    threads.keep("a", thread(1))
    threads.keep("a", thread(1))
    threads.keep("a", thread(2))
    threads.forget("a")
    threads.forget("a")
    assert told == [("a", thread(1)), ("a", thread(2)), ("a", None)]
    assert threads.get("a") == ""


def test_what_was_kept_over_a_restart_comes_back_unless_there_is_newer():
    """A restored conversation goes on; one that has begun meanwhile is not written over."""
    threads = Threads("dify")
    threads.restore("a", thread(1))
    assert threads.get("a") == "t1"
    threads.keep("a", thread(2))
    threads.restore("a", thread(1))
    assert threads.get("a") == "t2"


def test_of_too_many_the_one_goes_that_was_silent_longest():
    """The bound holds, and who spoke lately keeps his conversation."""
    threads = Threads("dify")
    for number in range(module._MAX):
        threads.keep(str(number), thread(number))
    threads.keep("0", thread(0))
    threads.keep("new", thread(1))
    assert (threads.get("0"), threads.get("1"), threads.get("2"), threads.get("new")) == ("t0", "", "t2", "t1")


def test_the_sessions_of_a_member_are_found():
    """Those in which he asked last, and nobody else's."""
    threads = Threads("dify")
    threads.keep("a", thread(1))
    threads.keep("b", thread(2, user="3"))
    assert threads.of("1", "2") == ["a"]
    assert threads.of("9", "2") == []
