"""What every backend promises the conversation, as cases that run against any backend: simulated, real, a plug-in's.

    async with MyStage(settings) as stage:
        for case in conformance.TTS:
            result = await conformance.run(case, conformance.Subject(stage))

``python -m voxbridge.testing.conformance --n8n URL`` runs them against servers and prints what came of each.
"""

from voxbridge.testing.conformance.agent import AGENT
from voxbridge.testing.conformance.cases import Case, Result, Subject, run
from voxbridge.testing.conformance.stt import STT
from voxbridge.testing.conformance.tts import TTS

__all__ = ["AGENT", "STT", "TTS", "Case", "Result", "Subject", "run"]
