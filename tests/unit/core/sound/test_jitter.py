"""The jitter buffer: order out of disorder, without delay where nothing is missing."""

from __future__ import annotations

import math

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voxbridge.core.ids import UserId
from voxbridge.core.sound.jitter import Frame, Gap, JitterBuffer, JitterEvent, Lost, StreamReset
from voxbridge.core.sound.pcm import OpusPacket

pytestmark = pytest.mark.unit

DEPTH_S = 0.06


def packet(index: int, *, at: float | None = None, sequence: int = 100, timestamp: int = 5000, skip: int = 0):
    """Return the packet ``index`` places after the start of a stream; ``skip`` frames of silence lie before it."""
    return OpusPacket(
        user_id=UserId(1),
        sequence=(sequence + index) & 0xFFFF,
        timestamp=(timestamp + (index + skip) * 960) & 0xFFFFFFFF,
        opus=b"\x78%d" % index,  # 0x78: 20 ms, hybrid
        arrived_at=index * 0.02 if at is None else at,
    )


def run(packets: list[OpusPacket], buffer: JitterBuffer | None = None) -> list[JitterEvent]:
    """Play packets in the order given, pulling at each arrival and whenever the buffer asks for it."""
    buffer = buffer or JitterBuffer(depth_s=DEPTH_S)
    events: list[JitterEvent] = []
    for item in packets:
        while (due := buffer.next_due()) is not None and due < item.arrived_at:
            events += buffer.pull(due)
        buffer.push(item)
        events += buffer.pull(item.arrived_at)
    while (due := buffer.next_due()) is not None:
        events += buffer.pull(due)
    return events


def played(events: list[JitterEvent]) -> list[int]:
    return [int(event.packet.opus[1:]) for event in events if isinstance(event, Frame)]


def others(events: list[JitterEvent]) -> list[JitterEvent]:
    return [event for event in events if not isinstance(event, Frame)]


def test_orderly_stream_passes_at_once():
    """A packet that is next in line comes out in the pull after its push, and nothing is left to wait for."""
    buffer = JitterBuffer(depth_s=DEPTH_S)
    assert buffer.next_due() is None
    for index in range(50):
        item = packet(index)
        buffer.push(item)
        assert buffer.next_due() == -math.inf, "a packet in line must be due now"
        assert buffer.pull(item.arrived_at) == [Frame(item)]
        assert buffer.next_due() is None
    assert buffer.counters.received == 50


def test_overtaken_packet_takes_its_place():
    """Packets that changed places within the depth come out in order, nothing lost."""
    events = run([packet(0), packet(2, at=0.02), packet(1, at=0.03), packet(3)])
    assert played(events) == [0, 1, 2, 3]
    assert others(events) == []


def test_hole_is_lost_after_depth_exactly():
    """A missing packet is waited for ``depth_s`` from the first arrival behind it, and no longer."""
    buffer = JitterBuffer(depth_s=DEPTH_S)
    buffer.push(packet(0))
    buffer.pull(0.0)
    behind = packet(2, at=0.04)
    buffer.push(behind)
    assert buffer.pull(0.04) == []
    assert buffer.next_due() == pytest.approx(0.1, abs=1e-9)
    assert buffer.pull(0.099) == []
    assert buffer.pull(0.1) == [Lost(960, behind), Frame(behind)]
    assert buffer.counters.lost == 1


def test_packet_after_its_hole_was_given_up_is_late():
    """A straggler is dropped and counted as late, a second copy of a played one as a duplicate."""
    buffer = JitterBuffer(depth_s=DEPTH_S)
    events = run([packet(0), packet(2), packet(1, at=0.2), packet(0, at=0.21), packet(2, at=0.22)], buffer)
    assert played(events) == [0, 2]
    assert buffer.counters.late == 1
    assert buffer.counters.duplicates == 2


def test_two_holes_are_given_up_in_turn():
    """The second hole has its own wait, from the first packet behind it."""
    events = run([packet(0), packet(2, at=0.04), packet(4, at=0.08), packet(5, at=0.1)])
    assert played(events) == [0, 2, 4, 5]
    assert [event.ticks for event in others(events) if isinstance(event, Lost)] == [960, 960]
    assert len(others(events)) == 2


def test_long_loss_is_lost_sound_and_no_silence():
    """However long a hole is, its timestamps say that the speaker was sending."""
    events = run([packet(0), packet(21)])
    assert others(events) == [Lost(20 * 960, packet(21))]


def test_silence_is_told_by_the_timestamp():
    """A timestamp that advances over a continuous sequence is a gap of so many frames."""
    events = run([packet(0), packet(1, at=1.02, skip=50)])
    assert others(events) == [Gap(50 * 960)]
    assert played(events) == [0, 1]


def test_silence_is_told_by_the_clock_when_the_timestamp_stands_still():
    """A sender that does not count its silence is measured by the clock, beyond a second."""
    events = run([packet(0), packet(1, at=2.0), packet(2, at=2.9)])
    assert others(events) == [Gap(99 * 960)]


def test_loss_at_the_edge_of_silence_is_both():
    """Of 12 frames that were not heard two were packets; the rest is silence, and FEC data do not reach over it."""
    events = run([packet(0), packet(3, at=0.3, skip=10)])
    assert others(events) == [Lost(2 * 960, None), Gap(10 * 960)]


@pytest.mark.parametrize(("sequence", "timestamp"), [(65_533, 5000), (100, 2**32 - 1920), (65_534, 2**32 - 960)])
def test_wrap_around_is_no_event(sequence: int, timestamp: int):
    """Sequence and timestamp wrap without anybody hearing it, out of order too."""
    stream = [packet(index, sequence=sequence, timestamp=timestamp) for index in range(8)]
    stream[2:4] = [attrs.evolve(stream[3], arrived_at=0.05), attrs.evolve(stream[2], arrived_at=0.06)]
    events = run(stream)
    assert played(events) == list(range(8))
    assert others(events) == []


def test_restarted_sender_is_noticed_at_the_second_packet():
    """Two packets that fit each other and not the stream open a new one; both are played."""
    old = [packet(index) for index in range(3)]
    new = [packet(index, at=0.1 + index * 0.02, sequence=40_000, timestamp=3_000_000_000) for index in range(10, 13)]
    buffer = JitterBuffer(depth_s=DEPTH_S)
    events = run([*old, *new], buffer)
    assert played(events) == [0, 1, 2, 10, 11, 12]
    assert others(events) == [StreamReset()]
    assert buffer.counters.resets == 1


def test_restarted_sender_with_a_lone_packet_is_noticed_by_the_clock():
    """A new stream of one packet is believed after ``depth_s`` without one of the old stream."""
    buffer = JitterBuffer(depth_s=DEPTH_S)
    lone = packet(5, at=0.1, sequence=40_000)
    events = run([packet(0), lone], buffer)
    assert events == [Frame(packet(0)), StreamReset(), Frame(lone)]


def test_new_timestamps_on_a_fitting_sequence_are_a_restart():
    """A new stream whose random sequence happens to fit is told by its time."""
    new = [packet(index, sequence=100, timestamp=2_000_000_000) for index in (3, 4, 5)]
    events = run([packet(0), packet(1), packet(2), *new])
    assert others(events) == [StreamReset()]
    assert played(events) == [0, 1, 2, 3, 4, 5]


def test_new_stream_a_little_behind_the_old_one_is_no_straggler():
    """A new stream whose random sequence falls just behind the old one is told by its time, and heard at once."""
    old = [packet(index) for index in range(60)]
    new = [packet(index, at=2 + index * 0.02, timestamp=2_000_000_000) for index in (30, 31, 32)]
    buffer = JitterBuffer(depth_s=DEPTH_S)
    events = run([*old, *new], buffer)
    assert played(events)[60:] == [30, 31, 32]
    assert others(events) == [StreamReset()]
    assert buffer.counters.late == 0


def test_stray_does_not_throw_the_stream_off():
    """One wild packet among good ones is dropped, counted and not heard."""
    buffer = JitterBuffer(depth_s=DEPTH_S)
    events = run([packet(0), packet(9, at=0.01, sequence=30_000), packet(1), packet(2)], buffer)
    assert played(events) == [0, 1, 2]
    assert others(events) == []
    assert buffer.counters.strays == 1


def test_restart_gives_out_what_waits():
    """``restart`` loses nothing that has come: packets behind a hole come out before the reset."""
    buffer = JitterBuffer(depth_s=DEPTH_S)
    for item in (packet(0), packet(2, at=0.03)):
        buffer.push(item)
    buffer.restart()
    other = packet(7, at=0.04, sequence=9)
    buffer.push(other)
    assert buffer.pull(0.04) == [
        Frame(packet(0)),
        Lost(960, packet(2, at=0.03)),
        Frame(packet(2, at=0.03)),
        StreamReset(),
        Frame(other),
    ]
    buffer.restart()
    buffer.restart()
    assert buffer.pull(0.05) == [StreamReset()], "a second restart of no stream is no event"


def test_nobody_pulls_and_memory_stays_bounded():
    """Ten minutes without a pull keep the newest ten seconds and count the rest."""
    buffer = JitterBuffer(depth_s=DEPTH_S)
    for index in range(30_000):
        buffer.push(packet(index))
    events = buffer.pull(600.0)
    assert played(events)[-1] == 29_999
    assert len(events) + buffer.counters.overflowed == 30_000


def test_flood_behind_a_hole_stays_bounded():
    """A flood behind a hole gives the hole up at once instead of holding the flood."""
    buffer = JitterBuffer(depth_s=1e9)
    buffer.push(packet(0))
    for index in range(2, 3000):
        buffer.push(packet(index, at=0.0))
    assert played(buffer.pull(0.0))[-1] == 2999


@given(
    delays=st.lists(st.floats(0.0, DEPTH_S - 0.001), min_size=2, max_size=60),
    copies=st.lists(st.tuples(st.integers(0, 59), st.floats(0.0, DEPTH_S - 0.001)), max_size=10),
    sequence=st.integers(0, 65_535),
    timestamp=st.integers(0, 2**32 - 1),
)
def test_any_order_within_the_depth_gives_the_same_frames(
    delays: list[float], copies: list[tuple[int, float]], sequence: int, timestamp: int
):
    """However the network delays and doubles packets within the depth, the same frames come out, in order."""
    delays[0] = 0.0  # the first packet opens the stream
    stream = [packet(i, at=i * 0.02 + delay, sequence=sequence, timestamp=timestamp) for i, delay in enumerate(delays)]
    doubled = [
        attrs.evolve(stream[i], arrived_at=stream[i].arrived_at + delay) for i, delay in copies if i < len(stream)
    ]
    buffer = JitterBuffer(depth_s=DEPTH_S)
    events = run(sorted([*stream, *doubled], key=lambda item: item.arrived_at), buffer)
    assert played(events) == list(range(len(delays)))
    assert others(events) == []
    assert buffer.counters.duplicates == len(doubled)


@given(lost=st.sets(st.integers(1, 98)), order=st.randoms(use_true_random=False))
def test_loss_and_disorder_account_for_every_frame(lost: set[int], order):
    """Frames, losses and gaps add up to the time the sender spoke, and nothing comes out of order."""
    stream = [packet(i, at=i * 0.02 + order.uniform(0, 0.05) * (i > 0)) for i in range(100) if i not in lost]
    buffer = JitterBuffer(depth_s=DEPTH_S)
    events = run(sorted(stream, key=lambda item: item.arrived_at), buffer)
    heard = played(events)
    assert heard == sorted(heard)
    total = len(heard) + sum(event.ticks // 960 for event in others(events) if isinstance(event, Lost | Gap))
    assert total == 100
    assert buffer.counters.lost == 100 - len(heard)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 65_535) | st.integers(0, 40),
            st.integers(0, 2**32 - 1) | st.integers(0, 40).map(lambda n: n * 960),
            st.floats() | st.floats(0, 1),
            st.booleans(),
        ),
        max_size=150,
    )
)
@example([(0, 0, math.nan, True), (2, 1920, math.inf, True), (40_000, 7, -math.inf, True), (1, 960, math.nan, True)])
def test_any_input_is_survived(items: list[tuple[int, int, float, bool]]):
    """No packet, in whatever order and at whatever time, makes the buffer raise or hand out a frame twice."""
    buffer = JitterBuffer(depth_s=DEPTH_S)
    frames: list[OpusPacket] = []
    for index, (sequence, timestamp, at, pull) in enumerate(items):
        buffer.push(OpusPacket(UserId(1), sequence, timestamp, b"%d" % index, at))
        if pull:
            frames += [event.packet for event in buffer.pull(at) if isinstance(event, Frame)]
            buffer.next_due()
    frames += [event.packet for event in buffer.pull(math.inf) if isinstance(event, Frame)]
    assert len({item.opus for item in frames}) == len(frames)
    counters = buffer.counters
    assert counters.received == len(items)
    assert len(frames) <= counters.received - counters.duplicates - counters.late - counters.strays


@given(st.integers(0, 65_535), st.integers(0, 2**32 - 1), st.integers(0, 3000), st.integers(0, 3000))
def test_order_of_numbers_is_the_order_of_frames(sequence: int, timestamp: int, jump: int, silence: int):
    """One jump forward in an orderly stream never makes a reset, whatever the numbers."""
    at = (jump + silence) * 0.02
    later = packet(jump, at=at, skip=silence, sequence=sequence, timestamp=timestamp)
    events = run([packet(0, at=0.0, sequence=sequence, timestamp=timestamp), *([later] if jump else [])])
    assert StreamReset() not in events


def stream_of(lengths: list[int], opus_of: dict[int, bytes]) -> list[OpusPacket]:
    """Number packets of these lengths (in ticks), sent one after the other without a pause, and heard as they end."""
    packets, ticks = [], 0
    for number, length in enumerate(lengths):
        packets.append(OpusPacket(UserId(1), number, 5000 + ticks, opus_of[length], (ticks + length) / 48_000))
        ticks += length
    return packets


OPUS = {
    120: b"\x80x",
    240: b"\x88x",
    480: b"\x90x",
    960: b"\x98x",
    1920: b"\x10x",
    2880: b"\x18x",
    5760: b"\x1bx".replace(b"x", b"\x02xx"),
}


@pytest.mark.parametrize("ticks", OPUS)
def test_packets_of_any_length_are_followed_by_nothing(ticks: int):
    """2.5 to 120 ms in a packet, one or several frames: no silence is invented, and a lost one is as long as it was."""
    packets = stream_of([ticks] * 30, OPUS)
    assert others(run(packets)) == []
    assert others(run([*packets[:9], *packets[10:]])) == [Lost(ticks, packets[10])]


@given(lengths=st.lists(st.sampled_from(sorted(OPUS)), min_size=3, max_size=40))
def test_lengths_may_change_from_packet_to_packet(lengths: list[int]):
    """Each packet's own header counts, and the next timestamp says how much was lost before it, if anything was."""
    packets = stream_of(lengths, OPUS)
    assert others(run(packets)) == []
    (lost, *rest) = others(run([packets[0], *packets[2:]]))
    assert rest in ([], [Gap(lengths[1] - lengths[0])])
    assert isinstance(lost, Lost)
    assert abs(lost.ticks + sum(event.ticks for event in rest if isinstance(event, Gap)) - lengths[1]) < 480


def test_dtx_is_silence_by_the_timestamps():
    """A sender that says nothing in a pause but one byte each 400 ms: the time between is silence, to the tick."""
    packets = [OpusPacket(UserId(1), n, 5000 + n * 19_200, b"\x78", n * 0.4) for n in range(4)]
    assert others(run(packets)) == [Gap(19_200 - 960)] * 3


def test_a_sender_that_counts_20_ms_for_60_is_heard_as_it_speaks():
    """Its timestamps go back, as it were; no packet is thrown away for it."""
    packets = [OpusPacket(UserId(1), n, 5000 + n * 960, OPUS[2880], n * 0.06) for n in range(20)]
    events = run(packets)
    assert [event for event in events if isinstance(event, Frame)] == [Frame(packet) for packet in packets]
    assert others(events) == []


def test_a_packet_that_fitted_nowhere_is_a_stray_when_the_connection_breaks():
    """What waits for a second one of its kind belongs to the old connection, and is no beginning of a new stream."""
    buffer = JitterBuffer(depth_s=DEPTH_S)
    run([packet(index) for index in range(5)], buffer)
    buffer.push(packet(5, sequence=30_000, timestamp=900_000))
    buffer.restart()
    assert others(buffer.pull(1.0)) == [StreamReset()]
    assert buffer.counters.strays == 1
    buffer.push(packet(6, sequence=30_000, timestamp=900_000, at=1.0))
    assert played(buffer.pull(1.0)) == [6]
    assert (buffer.counters.strays, buffer.counters.resets) == (1, 1)
