"""All that was said in one call, with speaker and time, as a file: plain text, or WebVTT for players of a recording."""

from __future__ import annotations

import attrs

from voxbridge.core.ids import UserId

_LINES_MAX = 20_000  # some ten hours of talk
_CUE_MIN_S = 0.5


@attrs.frozen
class Minute:
    """One line. Times in seconds since the call began; ``user_id`` None: said by us."""

    key: str
    began_s: float
    ended_s: float
    user_id: UserId | None
    name: str
    text: str


class Minutes:
    """One call."""

    def __init__(self) -> None:
        self._lines: dict[str, Minute] = {}

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def lines(self) -> list[Minute]:
        """Return all lines, in the order in which they were begun."""
        return sorted(self._lines.values(), key=lambda line: (line.began_s, line.ended_s))

    def put(self, line: Minute) -> None:
        """Add a line, or change the one of this key."""
        if line.key in self._lines or len(self._lines) < _LINES_MAX:
            self._lines[line.key] = line

    def drop(self, key: str) -> None:
        """Take a line away."""
        self._lines.pop(key, None)

    def count(self, user_id: UserId) -> int:
        """Return how many lines there are of a member."""
        return sum(line.user_id == user_id for line in self._lines.values())

    def erase(self, user_id: UserId) -> int:
        """Take away all lines of a member; return how many."""
        count = self.count(user_id)
        self._lines = {key: line for key, line in self._lines.items() if line.user_id != user_id}
        return count


def as_text(minutes: Minutes) -> str:
    """Return the lines as ``[0:01:05] Ada: ...``."""
    return "".join(f"[{_clock(line.began_s)[:-4]}] {_one(line.name)}: {_one(line.text)}\n" for line in minutes.lines)


def as_webvtt(minutes: Minutes) -> str:
    """Return the lines as cues with their speakers (W3C, "WebVTT", sections 4 and 4.2.2: cues and voice spans)."""
    cues = ["WEBVTT\n"]
    for line in minutes.lines:
        until = max(line.ended_s, line.began_s + _CUE_MIN_S)
        who, what = _escaped(_one(line.name)), _escaped(_one(line.text))
        cues.append(f"{_clock(line.began_s)} --> {_clock(until)}\n<v {who}>{what}\n")
    return "\n".join(cues)


def _clock(seconds: float) -> str:
    ms = max(0, round(seconds * 1000))
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def _one(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    """Return text as it can stand in a cue: no tag, no arrow."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
