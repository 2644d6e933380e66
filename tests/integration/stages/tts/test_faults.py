"""Every kind of speech server against every fault: what is heard, what the operator reads, how often it was asked."""

from __future__ import annotations

import traceback

import pytest
import structlog
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.stages.tts.tts_bench import SENTENCE, listen
from tests.integration.stages.tts.tts_faults import (
    KINDS,
    NOISE,
    PAGE,
    SECOND,
    SOUND,
    Bench,
    cases,
    fault_of,
    page,
    play,
    status,
)
from voxbridge.config.kinds import kind_names
from voxbridge.testing.memnet import MemNet

pytestmark = pytest.mark.integration


def test_kinds_are_all_there():
    """No kind of speech server is left out of the table; embedded is Chatterbox's client."""
    assert {kind.kind for kind in KINDS.values()} | {"embedded"} == set(kind_names("tts"))


@pytest.mark.parametrize(("name", "title"), cases())
async def test_fault(autojump_clock, name, title):
    """The right sound, error, number of requests and time; and the next sentence works."""
    net = MemNet().install()
    fault = fault_of(name, title)
    played = await play(name, fault)
    heard = played.heard
    seen = (
        f"{name}, {title}: heard {heard.samples} samples and {heard.error!r} "
        f"after {played.requests} requests and {heard.ended} s"
    )
    assert len(heard.data) == (len(SOUND) if fault.is_whole else round(fault.heard_s * SECOND)), seen
    assert played.requests == fault.requests, seen
    assert heard.ended == pytest.approx(fault.ends, abs=1e-9), seen
    assert type(heard.error) is (fault.error or type(None)), seen
    assert fault.says in str(heard.error or ""), seen
    if heard.error is not None:
        told = "".join(traceback.format_exception(heard.error))
        assert SENTENCE not in told, f"{seen}: the error tells what was to be said: {told}"
        if heard.data:
            assert not heard.error.retryable, f"{seen}: asking again would say it twice"
    assert NOISE.split()[-1] not in played.logs, f"{seen}; the log holds the server's words: {played.logs}"
    assert SENTENCE not in played.logs
    assert played.again.error is None, f"{seen}; the next sentence got {played.again.error!r}"
    assert len(played.again.data) == len(SOUND), f"{seen}; of the next sentence {played.again.samples} samples came"
    net.assert_all_closed(listeners=True)


def test_page_shows_what_comes_of_each_fault():
    """docs/tts-faults.md is what the cases give.

    Write it anew with ``python -m tests.integration.stages.tts.tts_faults``.
    """
    assert PAGE.read_text(encoding="utf-8") == page()


SHAPES = [
    '{"message":"%s"}',
    '{"error":{"message":"%s"}}',
    '{"detail":"%s"}',
    "%s",
    "<html><p>%s</p>",
    "\r\n<!doctype html>%s",
]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from([name for name, kind in KINDS.items() if kind.route]),
    code=st.sampled_from([200, 201, 206, 307, 400, 401, 404, 408, 422, 429, 500, 503]),
    shape=st.sampled_from(SHAPES),
    label=st.sampled_from(["application/json", "text/html", "text/plain", "audio/wav", "audio/pcm", "audio/mpeg", ""]),
    repeat=st.integers(1, 400),
)
def test_no_text_is_ever_heard(name, code, shape, label, repeat):
    """Whatever the kind, the status, the label and the length: words of a server are neither sound nor in a log."""

    async def run() -> None:
        MemNet().install()
        bench = Bench(name)
        bench.deeds.append(status(code, (shape % (f"{NOISE} " * repeat)).encode(), label))
        bench.is_lasting = True
        with structlog.testing.capture_logs() as logs:
            async with bench.server.running(), bench.stage() as stage:
                heard = await listen(stage)
        assert heard.data == b"", f"{heard.samples} samples were heard of {shape!r}, labelled {label!r}"
        assert heard.error is not None
        assert "swordfish" not in str(logs)

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
