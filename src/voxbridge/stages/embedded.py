"""The embedded engines as backends: the same clients on the same wire protocols, at the engines' unix socket.

They have no options of their own: an address, a key or a voice would have no effect.
"""

from __future__ import annotations

from voxbridge.config.kinds import Kind
from voxbridge.config.secrets import Secret
from voxbridge.config.stages import AgentSettings, SttSettings, TtsSettings, carried
from voxbridge.stages.agent.n8n import ENGINES_URL, N8nSettings, N8nStage
from voxbridge.stages.contracts import AgentStage, SttStage, TtsStage
from voxbridge.stages.stt.whisperx import WhisperXSettings, WhisperXStage
from voxbridge.stages.tts.chatterbox import ChatterboxSettings, ChatterboxStage


def _stt(settings: SttSettings, socket: str) -> SttStage:
    return WhisperXStage(carried(WhisperXSettings, settings, url="ws://engines/"), uds=socket)


def _agent(settings: AgentSettings, socket: str) -> AgentStage:
    return N8nStage(carried(N8nSettings, settings, url=Secret(ENGINES_URL)), uds=socket)


def _tts(settings: TtsSettings, socket: str) -> TtsStage:
    return ChatterboxStage(carried(ChatterboxSettings, settings, url="http://engines/v1"), uds=socket)


STT = Kind(SttSettings, _stt, wants_engines=True)
AGENT = Kind(AgentSettings, _agent, wants_engines=True)
TTS = Kind(TtsSettings, _tts, wants_engines=True)
