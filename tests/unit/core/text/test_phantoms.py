"""What speech models make out of noise, and what people really say."""

from __future__ import annotations

import json
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.text.phantoms import heard, is_phantom

pytestmark = pytest.mark.unit

TRANSCRIPTS = json.loads(pathlib.Path(__file__).with_name("cases").joinpath("transcripts.json").read_text("utf-8"))


@pytest.mark.parametrize("case", TRANSCRIPTS, ids=lambda case: case["text"][:40])
def test_what_was_said_is_passed_on_and_nothing_else(case):
    """Notes of sounds, credits and farewells of channels are cut away, also beside a true sentence."""
    assert heard(case["text"], sound_s=case["sound_s"]) == case["right"]


@pytest.mark.parametrize(
    "text",
    [
        "Subtitles by the Amara.org community",
        "Untertitel der Amara.org-Community",
        "Untertitelung im Auftrag des ZDF für funk, 2017",
        "Sous-titres réalisés para la communauté d'Amara.org",
        "Sous-titrage Société Radio-Canada, sous-titrage ST' 501",
        "Subtítulos realizados por la comunidad de Amara.org",
        "Sottotitoli creati dalla comunità Amara.org",
        "Legendas pela comunidade Amara.org",
        "Napisy stworzone przez społeczność Amara.org",
        "Altyaz\u0131 M.K.",
        "Субтитры сделал DimaTorzok",
        "Продолжение следует...",
        "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
        "ご視聴ありがとうございました",
        "시청해주셔서 감사합니다",
        "Transcription by CastingWords",
        "...",
        "♪♪♪",
        "you you you you you you you you",
        "I'm sorry. I'm sorry. I'm sorry. I'm sorry. I'm sorry. I'm sorry.",
    ],
)
def test_credits_marks_and_loops_are_phantoms_however_long_the_sound(text):
    """Credits, marks of sounds and loops are phantoms, however long the sound."""
    assert is_phantom(text, sound_s=10.0)


@pytest.mark.parametrize(
    "text",
    [
        "Thank you.",
        "Thank you for watching the stove for me.",
        "ok",
        "No.",
        "What are subtitles?",
        "Add the subtitles by tomorrow.",
        "Please subscribe me to the newsletter of the museum.",
        "no no no, that is wrong",
        "bye",
        "Vielen Dank!",
        "Wie wird das Wetter morgen?",
        "今日の天気は?",
        "오늘 날씨 어때",
        "İyi günler",
        "42",
        "",
        "  ",
    ],
)
def test_what_people_say_is_none(text):
    """What people say in a call is no phantom."""
    assert not is_phantom(text, sound_s=1.5)
    assert not is_phantom(text, sound_s=1.5, no_speech=0.3)


def test_doubtful_words_count_only_in_doubt():
    """A polite word is a phantom only if the sound is too short for it or the model doubts."""
    assert is_phantom("Thank you.", sound_s=0.4), "it takes longer to say"
    assert is_phantom("Thank you.", sound_s=5.0, no_speech=0.55)
    assert not is_phantom("Thank you.", sound_s=5.0, no_speech=0.1)
    assert not is_phantom("Turn it off.", sound_s=0.6, no_speech=0.55), "words of its own need more doubt"


def test_a_model_that_is_sure_of_silence_is_believed():
    """Whatever the words, a model that is sure of silence is believed."""
    assert is_phantom("Turn it off.", sound_s=2.0, no_speech=0.95)


def test_words_of_which_the_model_is_less_sure_than_of_silence_are_babble():
    """Words of which the model is less sure than of silence are none, if it has said both."""
    assert is_phantom("It is a good answer.", sound_s=1.0, no_speech=0.51, confidence=0.21)
    assert not is_phantom("It is a good answer.", sound_s=1.0, no_speech=0.51, confidence=0.6)
    assert not is_phantom("It is a good answer.", sound_s=1.0, confidence=0.05), "nobody has said how sure of silence"
    assert not is_phantom("Ada", sound_s=1.0, no_speech=0.05, confidence=0.04), "sure that it is speech"


def test_more_words_than_the_time_could_hold():
    """Words that nobody could say in that time are a phantom; a few quick ones are not."""
    text = "and so we went to the market to buy some bread and butter for the whole family"
    assert is_phantom(text, sound_s=1.0)
    assert not is_phantom(text, sound_s=4.0)
    assert is_phantom("x" * 60, sound_s=1.0)
    assert not is_phantom("yes please do", sound_s=0.3), "a rate over a few words is chance"


@given(st.text(max_size=60), st.floats(0, 200), st.none() | st.floats(0, 1), st.none() | st.floats(0, 1))
def test_any_text_has_an_answer(text, sound_s, no_speech, confidence):
    """No text and no figure raises, and an empty text is no phantom."""
    verdict = is_phantom(text, sound_s=sound_s, no_speech=no_speech, confidence=confidence)
    if not text.strip():
        assert not verdict, "an empty text is no phantom"


@given(st.lists(st.sampled_from(["weather", "lamp", "kitchen", "music", "please"]), min_size=1, max_size=5))
def test_a_few_everyday_words_at_a_human_pace_pass(words):
    """Everyday words at a human pace are never taken away."""
    assert not is_phantom(" ".join(words), sound_s=1.0 + 0.3 * len(words))


@given(st.text(max_size=60), st.sampled_from(["", "[noise] ", "♪ ", "(sighs) "]), st.floats(0, 200))
def test_what_is_passed_on_holds_no_phantom(text, before, sound_s):
    """What was cut once is whole: nothing more would be cut of it."""
    said = heard(before + text, sound_s=sound_s)
    assert said == "" or heard(said, sound_s=200.0) == said


def test_a_transcript_that_no_time_could_hold_is_not_read() -> None:
    """A megabyte of words for two seconds of sound is a broken server's: reading it would hold everybody up."""
    assert heard("What is this? " * 75_000, sound_s=2.0) == ""
    long = " ".join(f"word{number}" for number in range(1000))
    assert heard(long, sound_s=600.0) == long
