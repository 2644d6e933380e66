"""The one table of how we stay in a call: (state, signal) -> (next state, acts). Pure data, and the theory of it.

Two parties decide whether we are in a call, and neither waits for the other: the main gateway (who is in which channel,
which voice server, moved, removed) and the voice server (one connection, here called the link). A third, the wish, says
where we ought to be. ``Presence`` turns everything that any of the three says into one signal, looks here what follows,
and carries it out. Rules that hold for the whole table:

1. Every pair of state and signal is in here. What has no row is in ``NOTHING``, with the reason beside it.
2. Every state in which something is owed to us has a limit (``LIMITS_S``); its end is a signal like any other. Without
   a limit are ``OUT`` (nothing is owed), ``UP`` (the link is watched by itself) and ``AWAY`` (the main gateway is
   down; its library connects again for ever, and says so).
3. We ask for a channel only from outside (``REJOINING``, then ``ASKING``): Discord does not answer when nothing
   changes, so asking for the channel that we are in may bring no voice server.
4. A room lives for as long as its channel is wanted, whatever the state is; so rooms are not in the table.
"""

from __future__ import annotations

from enum import Enum

import attrs


class State(Enum):
    """Where we are."""

    OUT = "out"
    LEAVING = "leaving"
    REJOINING = "rejoining"
    ASKING = "asking"
    LINKING = "linking"
    UP = "up"
    HELD = "held"
    MOVING = "moving"
    PAUSED = "paused"
    AWAY = "away"


class Signal(Enum):
    """What can happen."""

    WANTED = "wanted"
    UNWANTED = "unwanted"
    COMPLETE = "complete"
    MOVED = "moved"
    NO_SERVER = "no server"
    CONFIRMED = "confirmed"
    DROPPED = "dropped"
    KICKED = "kicked"
    LINKED = "linked"
    AGAIN = "again"
    LATER = "later"
    NEVER = "never"
    DOUBT = "doubt"
    TIME_UP = "time up"
    GATEWAY_LOST = "gateway lost"
    GATEWAY_BACK = "gateway back"
    RENEWED = "renewed"


class Act(Enum):
    """What we do about it."""

    LEAVE = "leave"
    ASK = "ask"
    LINK = "link"
    CUT = "cut"
    LOOK = "look"
    OPEN = "open"


MEANINGS: dict[State | Signal | Act, str] = {
    State.OUT: "We are in no channel, and nobody wants us in one.",
    State.LEAVING: "Nobody wants us in a channel. We have told Discord that we leave, and wait for its answer.",
    State.REJOINING: "We are wanted in a channel. We have left the one before, and wait for Discord's answer.",
    State.ASKING: "We have asked to join. Discord still has to confirm that, and to name a voice server.",
    State.LINKING: "We know the voice server, and are connecting to it.",
    State.UP: "We are connected: we hear others, and they can hear us.",
    State.HELD: "The voice server closed with 4014 or 4022. We ask Discord whether we are in the channel still, and "
    "wait for the main gateway to say why.",
    State.MOVING: "We are to be in another channel, or on another server. Discord still has to say which.",
    State.PAUSED: "The last try failed. We wait before the next one.",
    State.AWAY: "We are wanted in a channel, but the main gateway is down.",
    Signal.WANTED: "We are wanted in another channel, or in the same one again.",
    Signal.UNWANTED: "Nobody wants us in a channel any more.",
    Signal.COMPLETE: "Discord has confirmed the channel and named its voice server.",
    Signal.MOVED: "Discord says that we are in another channel: somebody moved us.",
    Signal.NO_SERVER: "Discord took the voice server away, and has named no other one yet.",
    Signal.CONFIRMED: "Discord confirms that we have left.",
    Signal.DROPPED: "Discord says that we have left, after our connection was lost.",
    Signal.KICKED: "Discord says that we have left, although all was well: somebody removed us.",
    Signal.LINKED: "The voice connection is made.",
    Signal.AGAIN: "The connection ended, or a try took too long: try again at once.",
    Signal.LATER: "The same, but try again after a pause.",
    Signal.NEVER: "The same, but trying again cannot help.",
    Signal.DOUBT: "The voice server closed with 4014 or 4022: we were removed or moved, or something went wrong.",
    Signal.TIME_UP: "The time limit of the state is over, which is no failure.",
    Signal.GATEWAY_LOST: "The main gateway is down.",
    Signal.GATEWAY_BACK: "The main gateway is back.",
    Signal.RENEWED: "The main gateway began a new session, so our voice session is no longer valid.",
    Act.LEAVE: "tell Discord that we leave (not where we are surely out: it would not answer)",
    Act.ASK: "ask Discord for the channel",
    Act.LINK: "connect to the voice server",
    Act.CUT: "stop sending at once, and drop the connection",
    Act.LOOK: "ask Discord's REST interface where it has us",
    Act.OPEN: "begin to listen and to speak",
}

# Seconds. None: nothing is owed to us, or somebody else watches (see rule 2 above).
LIMITS_S: dict[State, float | None] = {
    State.OUT: None,
    State.LEAVING: 1.0,  # a good answer takes 0.1 s; one that comes later is still known as ours
    State.REJOINING: 1.0,
    State.ASKING: 5.0,  # Discord does not answer at all when there is no free slot; a good join takes 0.03 to 1 s
    State.LINKING: 5.0,  # a good handshake takes 0.3 s
    State.UP: None,
    State.HELD: 3.5,  # the reason may be late by seconds; asking to leave before it came would hide a kick
    State.MOVING: 5.0,
    State.PAUSED: 0.0,  # the wait itself, which ``RejoinPolicy`` sets each time
    State.AWAY: None,
}

# ``HELD``, once Discord has said that we are in the channel still: another voice server may be named any moment.
STILL_THERE_S = 0.3


@attrs.frozen
class Row:
    """What follows: the next state, and the acts in their order."""

    next: State
    acts: tuple[Act, ...] = ()


def _row(state: State, *acts: Act) -> Row:
    return Row(state, acts)


def _with_link() -> dict[Signal, Row]:
    """Return the rows of the two states that hold a link, ``LINKING`` and ``UP``."""
    return {
        Signal.WANTED: _row(State.REJOINING, Act.CUT, Act.LEAVE),
        Signal.UNWANTED: _row(State.LEAVING, Act.CUT, Act.LEAVE),
        Signal.COMPLETE: _row(State.LINKING, Act.CUT, Act.LINK),
        Signal.MOVED: _row(State.MOVING, Act.CUT),
        Signal.NO_SERVER: _row(State.MOVING, Act.CUT),
        Signal.DROPPED: _row(State.REJOINING, Act.CUT, Act.LEAVE),
        Signal.KICKED: _row(State.OUT, Act.CUT),
        Signal.AGAIN: _row(State.REJOINING, Act.CUT, Act.LEAVE),
        Signal.LATER: _row(State.PAUSED, Act.CUT),
        Signal.NEVER: _row(State.LEAVING, Act.CUT, Act.LEAVE),
        Signal.DOUBT: _row(State.HELD, Act.CUT, Act.LOOK),
        Signal.RENEWED: _row(State.AWAY, Act.CUT),
    }


def _owed() -> dict[Signal, Row]:
    """Return the rows of the states in which Discord owes us a voice server: ``ASKING``, ``HELD``, ``MOVING``."""
    return {
        Signal.WANTED: _row(State.REJOINING, Act.LEAVE),
        Signal.UNWANTED: _row(State.LEAVING, Act.LEAVE),
        Signal.COMPLETE: _row(State.LINKING, Act.LINK),
        Signal.MOVED: _row(State.MOVING),
        Signal.DROPPED: _row(State.REJOINING, Act.LEAVE),
        Signal.KICKED: _row(State.OUT),
        Signal.AGAIN: _row(State.REJOINING, Act.LEAVE),
        Signal.LATER: _row(State.PAUSED),
        Signal.NEVER: _row(State.LEAVING, Act.LEAVE),
        Signal.GATEWAY_LOST: _row(State.AWAY),
        Signal.RENEWED: _row(State.AWAY),
    }


TABLE: dict[State, dict[Signal, Row]] = {
    State.OUT: {
        Signal.WANTED: _row(State.REJOINING, Act.LEAVE),
        # A late answer to a question that was taken back, or a place that outlived an outage.
        Signal.MOVED: _row(State.LEAVING, Act.LEAVE),
        Signal.GATEWAY_BACK: _row(State.LEAVING, Act.LEAVE),
    },
    State.LEAVING: {
        Signal.WANTED: _row(State.REJOINING),
        Signal.CONFIRMED: _row(State.OUT),
        Signal.DROPPED: _row(State.OUT),
        Signal.KICKED: _row(State.OUT),
        Signal.TIME_UP: _row(State.OUT),
        Signal.GATEWAY_LOST: _row(State.OUT),
        Signal.RENEWED: _row(State.OUT),
    },
    State.REJOINING: {
        Signal.UNWANTED: _row(State.LEAVING),
        Signal.CONFIRMED: _row(State.ASKING, Act.ASK),
        Signal.DROPPED: _row(State.ASKING, Act.ASK),
        Signal.TIME_UP: _row(State.ASKING, Act.ASK),
        Signal.KICKED: _row(State.OUT),
        Signal.GATEWAY_LOST: _row(State.AWAY),
        Signal.RENEWED: _row(State.AWAY),
    },
    State.ASKING: _owed(),
    State.LINKING: {**_with_link(), Signal.LINKED: _row(State.UP, Act.OPEN)},
    State.UP: _with_link(),
    State.HELD: {**_owed(), Signal.NO_SERVER: _row(State.MOVING)},
    State.MOVING: _owed(),
    State.PAUSED: {
        Signal.WANTED: _row(State.REJOINING, Act.LEAVE),
        Signal.UNWANTED: _row(State.LEAVING, Act.LEAVE),
        Signal.COMPLETE: _row(State.LINKING, Act.LINK),
        Signal.MOVED: _row(State.MOVING),
        Signal.KICKED: _row(State.OUT),
        Signal.TIME_UP: _row(State.REJOINING, Act.LEAVE),
    },
    State.AWAY: {
        Signal.UNWANTED: _row(State.OUT),
        # The events that were missed come before the word that the session goes on.
        Signal.COMPLETE: _row(State.LINKING, Act.LINK),
        Signal.KICKED: _row(State.OUT),
        Signal.GATEWAY_BACK: _row(State.REJOINING, Act.LEAVE),
    },
}

_CANNOT = "cannot come in this state"
_NO_LINK = frozenset({Signal.LINKED, Signal.DOUBT})  # nothing that holds a link; words of links cut before are dropped
_NO_TRY = frozenset({Signal.AGAIN, Signal.LATER, Signal.NEVER})  # nothing that could fail is under way

# Why the rest has no row.
NOTHING: dict[State, dict[str, frozenset[Signal]]] = {
    State.OUT: {
        "we are out already": frozenset(
            {Signal.UNWANTED, Signal.CONFIRMED, Signal.DROPPED, Signal.KICKED, Signal.GATEWAY_LOST, Signal.RENEWED}
        ),
        _CANNOT: _NO_LINK | _NO_TRY | {Signal.COMPLETE, Signal.TIME_UP, Signal.NO_SERVER},
    },
    State.LEAVING: {
        "we are leaving already": frozenset({Signal.UNWANTED, Signal.MOVED, Signal.NO_SERVER, Signal.GATEWAY_BACK}),
        _CANNOT: _NO_LINK | _NO_TRY | {Signal.COMPLETE},
    },
    State.REJOINING: {
        "we are on the way already": frozenset({Signal.WANTED}),
        "it is about the channel that we are leaving": frozenset({Signal.MOVED, Signal.NO_SERVER, Signal.COMPLETE}),
        "the time limit of this state takes care of it": frozenset({Signal.GATEWAY_BACK}),
        _CANNOT: _NO_LINK | _NO_TRY,
    },
    State.ASKING: {
        "Discord's answer is still to come": frozenset({Signal.CONFIRMED, Signal.NO_SERVER, Signal.GATEWAY_BACK}),
        "if the time is up here, the try has failed: again, later or never follows": frozenset({Signal.TIME_UP}),
        _CANNOT: _NO_LINK,
    },
    State.LINKING: {
        "it is about a channel that we left before": frozenset({Signal.CONFIRMED}),
        "the voice connection does not need the main gateway": frozenset({Signal.GATEWAY_LOST, Signal.GATEWAY_BACK}),
        "if the time is up here, the try has failed: again, later or never follows": frozenset({Signal.TIME_UP}),
    },
    State.UP: {
        "it is about a channel that we left before": frozenset({Signal.CONFIRMED}),
        "the voice connection does not need the main gateway": frozenset({Signal.GATEWAY_LOST, Signal.GATEWAY_BACK}),
        _CANNOT: frozenset({Signal.TIME_UP, Signal.LINKED}),
    },
    State.HELD: {
        "it is about a channel that we left before": frozenset({Signal.CONFIRMED}),
        "the time limit of this state takes care of it": frozenset({Signal.GATEWAY_BACK}),
        "if the time is up here, the try has failed: again, later or never follows": frozenset({Signal.TIME_UP}),
        _CANNOT: _NO_LINK,
    },
    State.MOVING: {
        "it is about a channel that we left before": frozenset({Signal.CONFIRMED}),
        "we wait for another server already": frozenset({Signal.NO_SERVER}),
        "the time limit of this state takes care of it": frozenset({Signal.GATEWAY_BACK}),
        "if the time is up here, the try has failed: again, later or never follows": frozenset({Signal.TIME_UP}),
        _CANNOT: _NO_LINK,
    },
    State.PAUSED: {
        "the next try starts from the beginning anyway": frozenset(
            {
                Signal.CONFIRMED,
                Signal.DROPPED,
                Signal.NO_SERVER,
                Signal.GATEWAY_LOST,
                Signal.GATEWAY_BACK,
                Signal.RENEWED,
            }
        ),
        _CANNOT: _NO_LINK | _NO_TRY,
    },
    State.AWAY: {
        "we start from the beginning when the gateway is back": frozenset(
            {
                Signal.WANTED,
                Signal.CONFIRMED,
                Signal.DROPPED,
                Signal.NO_SERVER,
                Signal.MOVED,
                Signal.GATEWAY_LOST,
                Signal.RENEWED,
            }
        ),
        _CANNOT: _NO_LINK | _NO_TRY | {Signal.TIME_UP},
    },
}


def in_words() -> str:
    """Return the table as the Markdown of ``docs/staying-in-the-call.md``, which a test holds to this module."""
    lines = ["| word | means |", "| --- | --- |"]
    lines += [f"| {each.value} | {MEANINGS[each]} |" for each in (*Signal, *Act)]
    lines.append("")
    for state in State:
        limit_s = LIMITS_S[state]
        lines += [f"### {state.value}", "", MEANINGS[state] + _limit_in_words(state, limit_s), ""]
        lines += ["| when | then | and |", "| --- | --- | --- |"]
        for signal, row in TABLE[state].items():
            acts = ", ".join(act.value for act in row.acts)
            lines.append(f"| {signal.value} | {row.next.value} | {acts} |")
        lines.append("")
        for reason, signals in NOTHING[state].items():
            names = ", ".join(signal.value for signal in Signal if signal in signals)
            if reason != _CANNOT:
                lines.append(f"- Nothing follows from: {names} ({reason}).")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _limit_in_words(state: State, limit_s: float | None) -> str:
    if state is State.HELD:
        return f" At most {limit_s:g} s, and {STILL_THERE_S:g} s once Discord has said that nobody removed us."
    if state is State.PAUSED:
        return (
            " The wait is 0 to 5 s, growing, less the time that a connection held; after a rate limit a minute or more."
        )
    return f" At most {limit_s:g} s." if limit_s is not None else ""
