"""The Trio shells of the conversation: room, speaker, turn, and the port they need from a voice."""
