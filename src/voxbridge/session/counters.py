"""What is counted over all rooms of the daemon. Plain numbers that only grow: a metric is read off them."""

from __future__ import annotations

import attrs


@attrs.define
class SessionCounters:
    """Counts of the conversation, over all speakers and rooms that ever were."""

    speakers: int = 0
    dropped_packets: int = 0  # the speaker's inbox was full: the loop was stalled for seconds
    concealed_frames: int = 0  # 20 ms that never came, or too late
    undecodable_packets: int = 0
    barge_ins: int = 0
    stt_reconnects: int = 0  # of lines that are closed; an open one counts its own
    dropped_answers: int = 0  # the way to Discord was shut for too long
