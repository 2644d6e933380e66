"""What happens in a voice channel, as values, and whether we still hear it."""
