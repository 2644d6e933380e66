"""The pure core: what can be decided without I/O.

Imports the standard library and attrs only; no trio, no clock, no logging. Time comes in as ``now: float``
(seconds) and events come back as values.
"""
