"""Sound in order and on time: the types of sound, the jitter buffer, playout."""
