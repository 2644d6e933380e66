"""Whose turn it is: endpointing, the floor, and the timeline of a turn."""
