"""A rehearsal: lines that are said to the daemon, and the judgement of what came back.

A line is judged by what was heard at the far end, never by what the daemon says of itself alone: there must be an
answer, end-to-end encrypted; where the words are known the transcript must be right; where a fact is asked for the
answer must hold it; and the reply's sound, transcribed, must be the answer's words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import attrs

from voxbridge.audio.wavfile import read_wav
from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.wire.wav import decode_wav
from voxbridge.errors import SoundFileError
from voxbridge.rehearsal.call import Scene
from voxbridge.rehearsal.words import NUMBER_WORDS, word_error_rate, words_of

# Whisper tiny.en gets 4 of 70 words of the bundled recordings wrong, and one clip has 2 of its 8 wrong.
WORD_ERRORS_MAX = 0.3
# Two small models in a row (the voice, and the ears that check it): a word or two of a sentence may differ.
REPLY_ERRORS_MAX = 0.35

# A syllable; a recording that is shorter was cut by mistake.
_LINE_S_MIN = 0.2
_AUDIBLE = 327  # a hundredth of full scale, -40 dB

Transcribe = Callable[[Pcm], str]


@attrs.frozen
class Line:
    """What is said to the bot. ``words`` are known for the bundled lines; ``fact`` is what the answer must hold."""

    name: str
    sound: Pcm
    words: str | None = None
    fact: str | None = None
    heard_before: str = ""
    """What earlier turns of the same recording have heard of ``words``."""


@attrs.frozen
class Verdict:
    """One line's outcome; ``problems`` is empty if it passed."""

    line: Line
    scene: Scene | None
    reply_wav: Path | None
    reply_heard: str | None
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the line's record, as `--json` writes it."""
        report = {} if self.scene is None else self.scene.report
        parts = [*report.get("parts", ()), *filter(None, [report.get("first_audio")])]
        return {
            "name": self.line.name,
            "said": self.line.words,
            "heard": report.get("heard", ""),
            "answer": report.get("answer", ""),
            "reply_heard": self.reply_heard,
            "reply_wav": None if self.reply_wav is None else str(self.reply_wav),
            "reply_seconds": 0.0 if self.scene is None else round(self.scene.reply.duration_s, 3),
            "marks": report.get("marks", {}),
            "parts": [{key: part[key] for key in ("name", "ms", "budget_ms", "verdict")} for part in parts],
            "dave": self.scene is not None and self.scene.is_encrypted,
            "outcome": report.get("outcome", "none"),
            "problems": list(self.problems),
        }


def bundled_lines(speak: Callable[[str], Pcm], *, knows_answer: bool = True) -> list[Line]:
    """Return the default lines: a human recording, and a question spoken by ``speak``.

    ``knows_answer`` holds the agent to the question's answer: ours can reckon; of another, which may repeat what it
    hears or look after a house, nobody knows.
    """
    question = "What is seven times eight?"
    clips = resources.files("voxbridge.rehearsal") / "clips"
    name = "sense_and_sensibility_01_austen_64kb-0930.wav"
    rows = [row.split("\t") for row in (clips / "transcripts.tsv").read_text(encoding="utf-8").splitlines()]
    words = dict(row for row in rows if len(row) == 2)[name]
    return [
        Line("a human recording", decode_wav((clips / name).read_bytes()), words=words),
        Line("a question", speak(question), words=question, fact="56" if knows_answer else None),
    ]


def lines_of(files: Sequence[Path], said: Sequence[str] = ()) -> list[Line]:
    """Read the operator's own recordings, and what is said in them: from ``said``, in order, or a .txt beside the WAV.

    Raises: SoundFileError, also for one without anything to hear in it; OSError.
    """
    lines = []
    for number, file in enumerate(files):
        sound = read_wav(file)
        if sound.duration_s < _LINE_S_MIN:
            raise SoundFileError(file, f"it holds {sound.duration_s:.2f} s of sound, too short for a word")
        if not has_sound(sound):
            raise SoundFileError(file, "it is silent (nothing in it is over -40 dB)")
        text = file.with_suffix(".txt")
        words = said[number] if number < len(said) else text.read_text("utf-8").strip() if text.is_file() else ""
        lines.append(Line(file.name, sound, words=words or None))
    return lines


def voiced_end_s(sound: Pcm) -> float:
    """Return where the last audible sample stands, in seconds from the beginning."""
    samples = memoryview(sound.data).cast("h")
    for at in range(len(samples) - 1, -1, -1):
        if abs(samples[at]) > _AUDIBLE:
            return at / (sound.rate_hz * sound.channels)
    return 0.0


def turns_of(line: Line, scenes: Sequence[Scene]) -> list[tuple[Line, Scene]]:
    """Return a line's turns, each as a line of its own to be judged; a superseded one's words are in the next turn.

    Whose words are known, is judged by all that was heard: the last turn's line asks for the words of all.
    """
    turns = [scene for scene in scenes if scene.report["outcome"] != "superseded"] or list(scenes)
    if len(turns) == 1:
        return [(line, turns[0])]
    named = [attrs.evolve(line, name=f"{line.name}, turn {n}", words=None) for n in range(1, len(turns) + 1)]
    earlier = " ".join(str(scene.report["heard"]) for scene in turns[:-1])
    named[-1] = attrs.evolve(named[-1], words=line.words, heard_before=earlier)
    return list(zip(named, turns, strict=True))


def judge(line: Line, scene: Scene, reply_heard: str | None) -> tuple[str, ...]:
    """Say what is wrong with what came of a line; nothing if all is right."""
    return tuple(_problems(line, scene, reply_heard))


def _problems(line: Line, scene: Scene, reply_heard: str | None) -> Iterator[str]:
    heard = f"{line.heard_before} {scene.report['heard']}".strip()
    answer = str(scene.report["answer"])
    if scene.report["outcome"] != "answered":
        # Its own reason first: what follows from it (nothing heard, nothing answered) helps nobody to mend it.
        yield f"the turn ended as {scene.report['outcome']!r}: {scene.report.get('error') or 'no reason was given'}"
    has_failed_to_hear = not heard and scene.report.get("error")
    if line.words is not None and not has_failed_to_hear and word_error_rate(line.words, heard) > WORD_ERRORS_MAX:
        yield f"heard {heard!r} where {line.words!r} was said"
    if not has_sound(scene.reply):
        yield "no answer was heard in the call"
        return
    if not scene.is_encrypted:
        yield "the answer was not end-to-end encrypted"
    if line.fact is not None and not holds(answer, line.fact):
        yield f"the answer {answer!r} does not hold {line.fact!r}"
    if reply_heard is not None and word_error_rate(answer, reply_heard) > REPLY_ERRORS_MAX:
        yield f"the reply sounds like {reply_heard!r}, not like the answer {answer!r}"


def has_sound(pcm: Pcm) -> bool:
    """Tell whether there is more than silence: some sample over -40 dB."""
    return any(abs(sample) > _AUDIBLE for sample in memoryview(pcm.data).cast("h"))


def holds(text: str, fact: str) -> bool:
    """Tell whether the fact's words stand in the text; a number not as a part of another (156 does not hold 56)."""
    words = [word for word in words_of(text) if word != "and"]
    wanted = [word for word in words_of(fact) if word != "and"]
    for at in range(len(words) - len(wanted) + 1):
        end = at + len(wanted)
        around = {*words[max(0, at - 1) : at], *words[end : end + 1]}
        is_part = wanted[0] in NUMBER_WORDS and bool(around & NUMBER_WORDS)
        if words[at:end] == wanted and not is_part:
            return True
    return False
