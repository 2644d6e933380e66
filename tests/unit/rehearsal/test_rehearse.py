"""The judgement of a line: what passes, and that nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.support.reports import make_report
from tests.support.voices import tone_pcm
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.errors import SoundFileError
from voxbridge.rehearsal.call import Scene
from voxbridge.rehearsal.discord import Packet
from voxbridge.rehearsal.rehearse import Line, Verdict, bundled_lines, judge, lines_of

pytestmark = pytest.mark.unit

SOUND = Pcm(tone_pcm(1.0), SPEECH_RATE_HZ)
SILENCE = Pcm(bytes(len(SOUND.data)), SPEECH_RATE_HZ)
LINE = Line("a question", SOUND, words="What is seven times eight?", fact="56")
HEARD, ANSWER = "what is 7 times 8", "Seven times eight is fifty-six."


def packet(*, encrypted: bool = True) -> Packet:
    fields: dict[str, Any] = {field.name: None for field in attrs.fields(Packet)}  # nothing else is looked at
    return Packet(**{**fields, "encrypted": encrypted})


def scene(reply: Pcm = SOUND, *, encrypted: bool = True, **report: Any) -> Scene:
    told = make_report(**{"heard": HEARD, "answer": ANSWER, **report}).to_json()
    return Scene(told, (packet(), packet(encrypted=encrypted)), reply)


def test_a_good_line_has_no_problem() -> None:
    """Heard, answered, encrypted, the fact is in it, and it sounds like what it says."""
    assert judge(LINE, scene(), "seven times eight is 56") == ()
    assert judge(LINE, scene(), None) == (), "without ears of our own the sound is not transcribed"


@pytest.mark.parametrize(
    ("made", "reply_heard", "complaint"),
    [
        (scene(heard="what a seventies date"), ANSWER, "heard 'what a seventies date'"),
        (scene(SILENCE), None, "no answer was heard"),
        (scene(Pcm(b"", SPEECH_RATE_HZ)), None, "no answer was heard"),
        (scene(encrypted=False), ANSWER, "not end-to-end encrypted"),
        (scene(outcome="failed", error="agent: down"), ANSWER, "the turn ended as 'failed': agent: down"),
        (scene(outcome="failed"), ANSWER, "no reason was given"),
        (scene(answer="It is forty-two."), "It is forty-two.", "does not hold '56'"),
        (scene(), "Good evening ladies and gentlemen.", "sounds like 'Good evening ladies and gentlemen.'"),
    ],
)
def test_each_thing_that_may_be_wrong_is_named(made: Scene, reply_heard: str | None, complaint: str) -> None:
    """One problem, in words that say what was wanted."""
    (problem,) = judge(LINE, made, reply_heard)
    assert complaint in problem


def test_a_scene_without_a_packet_is_not_encrypted() -> None:
    """Nothing sent is nothing proven."""
    assert not Scene({}, (), SILENCE).is_encrypted


def test_without_known_words_or_a_fact_any_answer_will_do() -> None:
    """The operator's own recording: what was said in it is not known here."""
    assert judge(Line("mine.wav", SOUND), scene(heard="anything at all"), ANSWER) == ()


def test_a_fact_is_found_as_whole_words() -> None:
    """156 is not 56, and five six is not fifty-six."""
    for answer in ("It is 156.", "It is one hundred and fifty-six.", "It is five six.", "It is 560."):
        assert any("does not hold" in problem for problem in judge(LINE, scene(answer=answer), None))


def test_the_record_of_a_verdict_is_json() -> None:
    """As `--json` writes it, also when nothing came back at all."""
    good = json.loads(json.dumps(Verdict(LINE, scene(), Path("reply.wav"), ANSWER, ()).to_json()))
    assert (good["said"], good["heard"], good["answer"]) == (LINE.words, HEARD, ANSWER)
    assert (good["dave"], good["outcome"], good["problems"]) == (True, "answered", [])
    assert good["reply_seconds"] == 1.0
    assert [part["name"] for part in good["parts"]][-1] == "first_audio"
    assert set(good["parts"][0]) == {"name", "ms", "budget_ms", "verdict"}
    none = json.loads(json.dumps(Verdict(LINE, None, None, None, ("no turn",)).to_json()))
    assert (none["dave"], none["outcome"], none["reply_wav"], none["parts"]) == (False, "none", None, [])


def test_the_bundled_lines_are_a_person_and_a_question() -> None:
    """The recording comes with its words; the question is spoken by whoever is asked to."""
    asked = []

    def speak(text: str) -> Pcm:
        asked.append(text)
        return SOUND

    recording, question = bundled_lines(speak)
    assert recording.words
    assert 2 < recording.sound.duration_s < 10
    assert asked == [question.words]
    assert question.fact == "56"
    assert bundled_lines(speak, knows_answer=False)[1].fact is None, "another agent is not ours to examine"


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    """The error names the file."""
    file = tmp_path / "notes.txt"
    file.write_text("not a sound")
    with pytest.raises(SoundFileError, match=r"notes\.txt"):
        lines_of([file])
