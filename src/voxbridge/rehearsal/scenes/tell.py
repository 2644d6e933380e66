"""A played scene told: as a timeline for people, as JSON, and as JUnit XML for a CI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from junitparser import Failure, JUnitXml, TestCase, TestSuite

from voxbridge.core.text.terminal import visible
from voxbridge.rehearsal.scenes.played import Played, Turn
from voxbridge.rehearsal.scenes.reading import SceneFile


@attrs.frozen
class Outcome:
    """A scene, what came of it, and what is wrong with that."""

    scene: SceneFile
    played: Played
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the scene's record, as `--json` writes it."""
        return {
            "name": self.scene.name,
            "file": str(self.scene.file),
            "about": self.scene.scene.about,
            "seconds": round(self.played.ended_s, 3),
            "problems": list(self.problems),
            "timeline": [{"at_s": round(at, 3), "what": what} for at, what in timeline(self.played)],
            "turns": [_turn_json(turn) for turn in self.played.turns],
            "written": [text for _, text in self.played.written],
        }


def _turn_json(turn: Turn) -> dict[str, Any]:
    report = turn.report
    return {
        "by": turn.by,
        "outcome": turn.outcome,
        "heard": turn.heard,
        "answer": turn.answer,
        "spoken": report["spoken"],
        "error": report["error"],
        "first_audio_ms": turn.first_audio_ms,
        "reply_ms": turn.reply_ms,
        "marks_s": {mark: round(turn.zero_s + at, 3) for mark, at in report["marks"].items()},
        "parts": [{key: part[key] for key in ("name", "ms", "budget_ms", "verdict")} for part in report["parts"]],
    }


def timeline(played: Played) -> list[tuple[float, str]]:
    """Return what happened, in order: steps, what was heard of the bot, turns, what was written."""
    told = [(deed.began_s, deed.told) for deed in played.deeds]
    told += [(begin, f"the bot is heard ({end - begin:.1f} s)") for begin, end in played.stretches]
    told += [(at, f'the bot writes "{text}"') for at, text in played.written]
    for number, turn in enumerate(played.turns, 1):
        told.append((turn.at("ended") or turn.zero_s, f"turn {number}, {_turn_told(turn)}"))
    return sorted(told, key=lambda item: item[0])


def _turn_told(turn: Turn) -> str:
    words = [f'{turn.by}, {turn.outcome}: heard "{turn.heard}"']
    if turn.answer:
        words.append(f'answer "{turn.answer}"')
    spoken = str(turn.report["spoken"])
    if turn.answer and spoken != turn.answer:
        words.append(f'spoken "{spoken}"')
    if turn.first_audio_ms is not None:
        words.append(f"first audio after {turn.first_audio_ms:.0f} ms")
    if turn.report["error"]:
        words.append(f"error: {turn.report['error']}")
    return ", ".join(words)


def timeline_lines(played: Played) -> list[str]:
    """Return the timeline for a terminal."""
    return [f"{at:7.2f} s  {visible(what)}" for at, what in timeline(played)]


def junit_xml(outcomes: Sequence[Outcome]) -> bytes:
    """Return the outcomes as JUnit XML, a test case for each scene."""
    suite = TestSuite("voxbridge rehearse")
    for outcome in outcomes:
        case = TestCase(outcome.scene.name, classname="voxbridge.scene", time=round(outcome.played.ended_s, 3))
        if outcome.problems:
            failure = Failure(_xml(outcome.problems[0]))
            failure.text = _xml("\n".join([*outcome.problems, "", *timeline_lines(outcome.played)]))
            case.result = [failure]
        suite.add_testcase(case)
    xml = JUnitXml()
    xml.add_testsuite(suite)
    xml.update_statistics()  # type: ignore[no-untyped-call]
    content: bytes = xml.tostring()  # type: ignore[no-untyped-call]
    return content


def _xml(text: str) -> str:
    """Return a text that XML can hold: no control characters but the end of a line."""
    return "\n".join(visible(line) for line in text.split("\n"))
