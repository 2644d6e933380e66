"""Every kind of agent against every fault: what is spoken, what the operator reads, how often it was asked."""

from __future__ import annotations

import traceback

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.stages.agent.agent_client import SPEAKER, WORDS, ask, request
from tests.integration.stages.agent.agent_faults import (
    FAULTS,
    KEY,
    KINDS,
    NOISE,
    PAGE,
    page,
    play,
    server_of,
    settings_of,
)
from tests.support.agents import agent_of
from voxbridge.config.kinds import kind_names
from voxbridge.config.stages import EMBEDDED
from voxbridge.testing.memnet import MemNet

pytestmark = pytest.mark.integration

SECRETS = ("s3cret", KEY, *WORDS.split(), SPEAKER.name)


def test_kinds_are_all_there():
    """No kind of agent is left out of the table."""
    assert set(KINDS) == set(kind_names("agent")) - {EMBEDDED}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("title", FAULTS)
async def test_fault(autojump_clock, title, name):
    """The right words, the right error, the right number of attempts, at the right time; and the next turn works."""
    MemNet().install()
    fault = FAULTS[title].for_kind(name)
    played = await play(name, fault)
    heard = played.heard
    seen = f"{name}, {title}: heard {heard.text!r} and {heard.error!r} after {played.tries} tries and {heard.ended} s"
    assert heard.text == fault.says, seen
    assert played.tries == fault.tries, seen
    assert played.requests == (0 if fault.place else fault.tries), seen
    if fault.ends >= 0:
        assert heard.ended == pytest.approx(fault.ends, abs=1e-9), seen
    if fault.error is None:
        assert heard.error is None, seen
    else:
        assert type(heard.error) is fault.error, seen
        assert fault.words in str(heard.error), seen
        told = "".join(traceback.format_exception(heard.error))
        leaked = [secret for secret in SECRETS if secret in str(heard.error)]
        assert not leaked, f"{seen}: the error tells {leaked}: {told}"
    assert played.again.text == "Hello there.", f"{seen}; the next turn got {played.again.error!r}"


def test_page_shows_what_comes_of_each_fault():
    """docs/agent-faults.md is what the cases give.

    Write it anew with ``python -m tests.integration.stages.agent.agent_faults``.
    """
    assert PAGE.read_text(encoding="utf-8") == page()


SHAPES = ['{"message":"%s"}', '{"error":"%s"}', '{"error":{"message":"%s"}}', '{"detail":"%s"}', "%s"]
PAGES = ["<html><p>%s</p>", "<!DOCTYPE html><body>%s", "\ufeff <HTML>\n%s"]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(sorted(KINDS)),
    case=st.one_of(
        st.tuples(
            st.sampled_from([301, 307, 400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504]),
            st.sampled_from(SHAPES + PAGES),
        ),
        st.tuples(st.sampled_from([200, 201, 202]), st.sampled_from(PAGES)),
    ),
    content_type=st.sampled_from(["application/json", "text/html", "text/plain", "text/event-stream", ""]),
)
def test_no_text_of_an_error_a_header_or_a_page_is_ever_spoken(name, case, content_type):
    """Whatever the kind, the status and the label: not a word of an error's body, of a header, of an HTML page."""
    status, shape = case

    async def misdeed(_kind, _request, reply) -> None:
        await reply.send(status, (shape % NOISE).encode(), content_type, (("x-note", NOISE), ("x-tts-options", NOISE)))

    async def run() -> tuple[str, object, str]:
        MemNet().install()
        server, misdeeds = server_of(name, misdeed)
        async with server.running(), agent_of(settings_of(name, server.url, retries=1)) as stage:
            heard = await ask(stage)
            misdeeds.clear()
            return heard.text, heard.error, (await ask(stage, request(turn_id="turn-2"))).text

    text, error, again = trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
    assert text == ""
    assert error is not None
    assert again == "Hello there."


LIVE = {title: fault.does for title, fault in FAULTS.items() if fault.does is not None}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(KINDS)), titles=st.lists(st.sampled_from(sorted(LIVE)), max_size=5))
def test_nothing_is_spoken_twice_under_any_script_of_faults(name, titles):
    """Attempt after attempt goes wrong in its own way: what is spoken is one answer, or the beginning of one."""

    async def run() -> tuple[str, object, int, str]:
        MemNet().install()
        server, misdeeds = server_of(name, once=True, misdeed=None)
        misdeeds += [LIVE[title] for title in reversed(titles)]
        limits = {"first_limit_ms": 5000, "idle_limit_ms": 2000, "retries": 3, "retry_empty": True}
        async with server.running(), agent_of(settings_of(name, server.url, **limits)) as stage:
            heard = await ask(stage)
            tries = stage.retry_count + 1
            misdeeds.clear()
            return heard.text, heard.error, tries, (await ask(stage, request(turn_id="turn-2"))).text

    text, error, tries, again = trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
    seen = f"{name}, {titles}: heard {text!r} and {error!r} in {tries} tries"
    assert text in ("", "Hello ", "Hello there."), seen
    assert (error is not None) or text, seen
    assert tries <= 4, seen
    assert again == "Hello there.", seen
