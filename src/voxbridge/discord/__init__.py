"""Discord on discord.py: the daemon's only package that knows discord.py, asyncio and davey.

``DiscordBridge`` is the way in; each channel it comes to sit in is handed out as a port, which satisfies
``voxbridge.session.voice.VoicePort``.
"""

from voxbridge.discord.bridge import DiscordBridge
from voxbridge.discord.commands import CommandHandler
from voxbridge.discord.counters import BridgeStatus, RoomStatus, VoiceCounters
from voxbridge.discord.port import DiscordVoicePort

__all__ = ["BridgeStatus", "CommandHandler", "DiscordBridge", "DiscordVoicePort", "RoomStatus", "VoiceCounters"]
