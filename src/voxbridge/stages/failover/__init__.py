"""Several backends behind one stage: who cannot serve is stood in for, inside the same turn's time.

The three wrappers satisfy the stages' own Protocols, so the conversation does not know of them.
"""

from voxbridge.stages.failover.agent import FailoverAgent
from voxbridge.stages.failover.guard import Guard
from voxbridge.stages.failover.stt import FailoverStt
from voxbridge.stages.failover.tts import FailoverTts

__all__ = ["FailoverAgent", "FailoverStt", "FailoverTts", "Guard"]
