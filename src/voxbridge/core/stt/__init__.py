"""Speech to text, as far as it can be decided without I/O."""
