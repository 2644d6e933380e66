"""VoxBridge: talk to an AI agent in a Discord voice channel."""

__version__ = "0.1.0"
