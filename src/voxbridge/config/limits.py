"""[limits]: how much a server may ask of VoxBridge, and when it is silent."""

from __future__ import annotations

import zoneinfo

import attrs

from voxbridge.config.rules import Rule, between, matches, option
from voxbridge.core.people.limits import SPAN_PATTERN


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@attrs.frozen
class LimitSettings:
    """[limits]."""

    member_turns_per_minute: int = option(
        0, "So many turns of one member are answered within a minute; 0 is no limit.", between(0, 1000), live=True
    )
    server_turns_per_minute: int = option(
        0, "So many turns are answered within a minute on one server; 0 is no limit.", between(0, 10_000), live=True
    )
    agent_calls_per_day: int = option(
        0,
        "So often is the agent asked for one server on one day; 0 is no limit. Calls that were made ahead and not "
        "needed count.",
        between(0, 1_000_000),
        live=True,
    )
    spoken_seconds_per_day: int = option(
        0, "So many seconds are spoken on one server on one day; 0 is no limit.", between(0, 86_400), live=True
    )
    quiet_hours: tuple[str, ...] = option(
        (),
        "Times of the day when nothing is answered and nothing is said. It goes on listening for stop words.",
        matches(SPAN_PATTERN, "HH:MM-HH:MM"),
        example=["22:00-07:00"],
        live=True,
    )
    time_zone: str = option(
        "",
        "The time zone of quiet_hours, and of the day that is counted; by default the machine's own.",
        Rule("a name of the tz database that this machine knows, such as Europe/Berlin", _is_zone),
        example="Europe/Berlin",
        live=True,
    )
