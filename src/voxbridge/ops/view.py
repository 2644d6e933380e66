"""The daemon at a glance: one object, of which the status line, ``ctl status``, readiness and the metrics are made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import attrs
import trio

from voxbridge import __version__
from voxbridge.core.health.backend import BackendStatus
from voxbridge.core.health.slowness import Slow
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.turns.speculation import SpeculationStatus
from voxbridge.discord.counters import BridgeStatus, RoomStatus
from voxbridge.session.report import TurnReport
from voxbridge.session.room import Room
from voxbridge.stages.contracts import ToolServerStatus

Phase = Literal["starting", "ready", "draining"]


@attrs.frozen
class SettledSetting:
    """A value that holds in a channel, and the layer of the settings that it came from."""

    name: str
    value: str
    origin: str


@attrs.frozen
class View:
    """How things are now. ``wanted`` are the channels of the configuration, as guild and channel id."""

    phase: Phase
    started_at: float
    bridge: BridgeStatus
    rooms: Mapping[GuildId, Room]
    backends: Sequence[BackendStatus]
    turns_by_outcome: Mapping[str, int]
    last_turns: Iterable[TurnReport]
    wanted: Sequence[tuple[GuildId, ChannelId]] = ()
    slow: Sequence[Slow] = ()
    speculation: SpeculationStatus = attrs.field(factory=SpeculationStatus)
    tools: Sequence[ToolServerStatus] = ()
    settings_in: Callable[[GuildId, ChannelId], Sequence[SettledSetting]] = lambda _guild, _channel: ()

    def unready(self) -> list[str]:
        """Return why nobody could be served now; empty: all is well enough."""
        reasons = [] if self.phase == "ready" else [f"the daemon is {self.phase}"]
        if not self.bridge.is_logged_in:
            reasons.append("not connected to Discord")
        reasons += [f"not in channel {room.channel_id}" for room in self.bridge.rooms if not room.is_connected]
        seats = {room.guild_id for room in self.bridge.rooms}
        reasons += [f"not in channel {channel}" for guild, channel in self.wanted if guild not in seats]
        if self.backends and all(backend.state == "down" for backend in self.backends):
            reasons.append("all backends are down")
        return reasons

    def line(self) -> str:
        """Return what systemd shows as the unit's status. Anybody may read it: neither names nor addresses."""
        if self.phase != "ready":
            return self.phase
        speakers = sum(len(room.speakers) for room in self.rooms.values())
        turns = sum(room.open_turns for room in self.rooms.values())
        parts = ["ready", _count(len(self.rooms), "room"), _count(speakers, "speaker"), _count(turns, "turn")]
        if not self.rooms and not self.bridge.rooms:
            parts = ["ready", "in no channel yet: type /join in Discord, or set discord.join"]
        if not self.bridge.is_logged_in:
            parts.append("degraded: Discord is lost")
        away = sum(not room.is_connected for room in self.bridge.rooms)
        if away:
            parts.append(f"degraded: {_count(away, 'voice channel')} lost")
        parts += [
            f"degraded: {backend.stage} ({backend.name}) is {backend.state}"
            for backend in self.backends
            if backend.state in ("failing", "down")
        ]
        parts += [f"degraded: {each.stage} is slow" for each in self.slow]
        parts += [f"degraded: the tools of {each.name} are not there" for each in self.tools if not each.is_up]
        return "; ".join(parts)

    def to_json(self, *, speech: bool) -> dict[str, Any]:
        """Return all of it, for ``ctl status``; what was said, and by whom, only with ``speech``."""
        now = trio.current_time()
        return {
            "phase": self.phase,
            "version": __version__,
            "pid": os.getpid(),
            "uptime_s": round(now - self.started_at, 1),
            "line": self.line(),
            "discord": {
                "is_logged_in": self.bridge.is_logged_in,
                "user": self.bridge.user_name,
                "latency_ms": _ms(self.bridge.latency_s),
            },
            "rooms": [self._room(status, speech=speech) for status in self.bridge.rooms],
            "backends": [
                {
                    "stage": b.stage,
                    "kind": b.kind,
                    "state": b.state,
                    "detail": b.detail,
                    "for_s": round(now - b.since, 1),
                    "number": b.number,
                    "is_in_use": b.is_in_use,
                    **({"profile": b.profile} if b.profile else {}),
                }
                for b in self.backends
            ],
            "tools": [attrs.asdict(each) for each in self.tools],
            "slow": [attrs.asdict(each) for each in self.slow],
            "speculation": attrs.asdict(self.speculation),
            "turns": dict(self.turns_by_outcome),
            "last_turns": [turn_json(report, speech=speech) for report in self.last_turns],
        }

    def _room(self, status: RoomStatus, *, speech: bool) -> dict[str, Any]:
        record = attrs.asdict(status)
        for key in ("guild_id", "channel_id"):
            record[key] = str(record[key])
        record["udp_ping_ms"] = _ms(record.pop("udp_ping_s"))
        record["settings"] = [attrs.asdict(each) for each in self.settings_in(status.guild_id, status.channel_id)]
        room = self.rooms.get(status.guild_id)
        record["open_turns"] = 0 if room is None else room.open_turns
        record["speakers"] = [
            {
                "user_id": str(session.speaker.user_id),
                **({"name": session.speaker.name} if speech else {}),
                "is_speaking": session.is_speaking,
                "is_line_up": session.is_line_up,
                "typical_pause_ms": _ms(session.typical_pause_s),
                "waits_longer_ms": _ms(session.waits_longer_s),
                "usual_dbfs": session.usual_dbfs,
                "background_below_dbfs": session.background_below_dbfs,
            }
            for session in ([] if room is None else room.speakers)
        ]
        return record


def turn_json(report: TurnReport, *, speech: bool) -> dict[str, Any]:
    """Return a turn's record; of what was said only how much, unless ``speech``."""
    record = report.to_json()
    if not speech:
        for key in ("heard", "answer", "spoken"):
            record[f"{key}_chars"] = len(str(record.pop(key)))
    return record


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
