"""What is counted over all rooms of the daemon. Plain numbers that only grow: each is a metric."""

from __future__ import annotations

import attrs

from voxbridge.core.counting import counted


@attrs.define
class SessionCounters:
    """Counts of the conversation, over all speakers and rooms that ever were."""

    speakers: int = counted("Speakers listened to since the start.")
    dropped_packets: int = counted("Packets dropped because VoxBridge was too slow.")
    concealed_frames: int = counted("Frames of 20 ms that were lost or came too late.")
    undecodable_packets: int = counted("Packets without valid Opus data.")
    turn_model_shed: int = counted("Ends of speech that the turn model had no time for.")
    barge_ins: int = counted("Answers that were spoken over and cut short.")
    speculations: int = counted("Questions that the agent was asked before the turn was decided.")
    speculations_wasted: int = counted("Questions asked ahead and taken back, since the speaker went on.")
    speculation_won_ms: int = counted("Milliseconds by which answers came sooner, since they were asked for ahead.")
    echoes: int = counted("Utterances that were our own voice, from an open microphone.")
    background: int = counted("Utterances that were not answered, since they were far softer than their speaker.")
    thinking_sounds: int = counted("Waits that were long enough for the thinking sound, or for a word.")
    dropped_answers: int = counted("Answers given up because nothing could be sent.")
    stt_reconnects: int = 0
    """Of lines that are closed; an open one counts its own, and the metric adds them."""
