"""Text on its way to a voice, and transcripts on their way to an agent."""
