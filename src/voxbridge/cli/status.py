"""The daemon's answers as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from voxbridge.cli.waterfall import waterfall

Record = dict[str, Any]


def show_status(status: Record, *, turns: int) -> Iterator[str]:
    """Yield the lines of ``ctl status``; of the last turns as many as wanted, the newest last."""
    yield f"VoxBridge {status['version']}, pid {status['pid']}, up {_span(status['uptime_s'])}: {status['line']}"
    yield _discord(status["discord"])
    for room in status["rooms"]:
        yield from _room(room)
    for backend in status["backends"]:
        state = click.style(f"{backend['state']:8}", fg={"up": "green", "down": "red"}.get(backend["state"], "yellow"))
        place = f"backup {backend['number']}: " if backend["number"] else ""
        place += f"{backend['profile']}'s: " if backend.get("profile") else ""
        aside = "" if backend["is_in_use"] else " (out of use: others are asked first)"
        yield f"{backend['stage']:9} {state} {place}{backend['detail'] or backend['kind']}{aside}"
    for slow in status["slow"]:
        state = click.style(f"{'slow':8}", fg="yellow")
        yield f"{slow['stage']:9} {state} {slow['ms']:.0f} ms in the last turns, target {slow['target_ms']:.0f} ms"
    for tools in status["tools"]:
        state = click.style(f"{'up' if tools['is_up'] else 'down':8}", fg="green" if tools["is_up"] else "red")
        yield f"tools     {state} {tools['name']}: {', '.join(tools['tools']) or tools['detail'] or 'none'}"
    yield from _speculation(status["speculation"])
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(status["turns"].items()))
    yield f"turns     {counts or 'none yet'}"
    for turn in status["last_turns"][-turns:] if turns > 0 else ():
        yield ""
        yield from _turn(turn)


def _speculation(account: Record) -> Iterator[str]:
    """Show what was asked ahead; nothing where that never happens."""
    if account["off"] == "not allowed" and not account["asked"]:
        return
    off = f"; off at the moment ({account['off']})" if account["off"] else ""
    yield (
        f"ahead     {account['asked']} questions asked before the turn was decided, {account['wasted']} for nothing, "
        f"{account['won_ms'] / 1000:.1f} s won in all{off}"
    )


def _discord(discord: Record) -> str:
    if not discord["is_logged_in"]:
        return "Discord   not connected"
    latency = "" if discord["latency_ms"] is None else f", heartbeat {discord['latency_ms']:.0f} ms"
    return f"Discord   logged in as {discord['user']}{latency}"


def _room(room: Record) -> Iterator[str]:
    if not room["is_connected"]:
        state = "connecting"
    elif room["is_dave_ready"]:
        state = "end-to-end encrypted"
    else:
        state = "connected, not (yet) end-to-end encrypted"
    troubles = [
        word
        for key, word in (
            ("is_server_muted", "muted by the server"),
            ("is_server_deafened", "deafened by the server"),
            ("is_suppressed", "suppressed"),
        )
        if room[key]
    ]
    place = f"{room['guild_name'] or room['guild_id']} / {room['channel_name'] or room['channel_id']}"
    yield f"room      {place}: {', '.join([state, *troubles])}; {room['open_turns']} turns open"
    if settings := room.get("settings"):
        told = (f"{each['name']} {each['value'] or '-'} ({each['origin']})" for each in settings)
        yield f"          {', '.join(told)}"
    counters = room["counters"]
    dropped = sum(counters[key] for key in ("datagrams_shed", "datagrams_overflowed", "events_dropped"))
    if dropped:
        yield f"          {dropped} of {counters['received'] + dropped} packets dropped, since we were too slow"
    for speaker in room["speakers"]:
        doing = "speaking" if speaker["is_speaking"] else "silent"
        line = "" if speaker["is_line_up"] else ", no line to the STT server"
        pauses = _pauses(speaker.get("waits_longer_ms"), speaker.get("typical_pause_ms"))
        level = _level(speaker.get("usual_dbfs"), speaker.get("background_below_dbfs"))
        yield f"          {speaker.get('name') or speaker['user_id']}: {doing}{line}{pauses}{level}"


def _pauses(longer_ms: float | None, typical_ms: float | None) -> str:
    """Say why a speaker is waited for longer than usual, if so."""
    return f", waited for {longer_ms:.0f} ms longer, since pauses last up to {typical_ms:.0f} ms" if longer_ms else ""


def _level(usual_dbfs: float | None, far_dbfs: float | None) -> str:
    """Say how loud a speaker usually is, and what is taken for somebody in the background."""
    if usual_dbfs is None or far_dbfs is None:
        return ""
    return f", speaks at {usual_dbfs:.0f} dBFS (a voice below {far_dbfs:.0f} is taken for background)"


def _turn(turn: Record) -> Iterator[str]:
    parts = [*turn["parts"], *([turn["first_audio"]] if turn["first_audio"] else [])]
    who = f"  by {turn['profile']}" if turn.get("profile") else ""
    yield click.style(f"{turn['started_at']}  {turn['outcome']}{who}  {turn['turn_id']}", bold=True)
    for key in ("heard", "answer"):
        if turn.get(key):
            yield f"  {key:8} {turn[key]}"
    if turn["error"]:
        yield f"  error    {turn['error']}"
    yield from (f"  {row}" for row in waterfall(parts))


def show_event(event: Record) -> str:
    """Return an event as one line."""
    data = dict(event["data"])
    at = data.pop("timestamp", "")
    rest = "  ".join(f"{key}={value}" for key, value in data.items() if value is not None)
    return f"{at}  {event['event']:18} {rest}"


def _span(seconds: float) -> str:
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86_400
    if days >= 2:
        return f"{days:.0f} d"
    if hours >= 2:
        return f"{hours:.0f} h"
    return f"{minutes:.0f} min" if minutes >= 2 else f"{seconds:.0f} s"
