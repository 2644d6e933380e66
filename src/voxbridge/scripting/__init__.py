"""VoxBridge by hand: the objects that the users' document on testing names, on the daemon's own parts.

    manager = SpeakerManager(bot=port, whisper_url="ws://...", n8n_url="https://...", chatterbox_url="http://...")
    await manager.on_speaking_start("user_123")
    await manager.send_audio(opus)
    await manager.on_silence_detected()
    await manager.wait_for_ai_response()
    await manager.wait_for_tts_start()

They work in any ``trio.run``, without ``async with``; failures are the ``StageError`` of ``voxbridge.errors``.
"""

from voxbridge.scripting.speaker_manager import SpeakerManager
from voxbridge.scripting.streaming_handler import StreamingResponseHandler
from voxbridge.scripting.whisper_client import WhisperClient

__all__ = ["SpeakerManager", "StreamingResponseHandler", "WhisperClient"]
