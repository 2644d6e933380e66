"""Is it called? What people say with a name in it, and what a speech server makes of the name."""

# ruff: noqa: RUF001 - full-width marks and curly apostrophes are what speech servers write

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.turns.calling import is_called, spoken_names
from voxbridge.core.turns.sounds import folded, looks_like, sound_of, sounds_like

pytestmark = pytest.mark.unit

IRIS, OTTO, VOXBRIDGE, KANA = (spoken_names([name]) for name in ("Iris", "Otto", "VoxBridge (AI) ✨", "アイリス"))


@pytest.mark.parametrize(
    ("text", "names", "language"),
    [
        ("Iris, what time is it?", IRIS, "en"),
        ("iris what time is it", IRIS, "en"),
        ("IRIS!", IRIS, "en"),
        ("Okay, hey Iris, stop that.", IRIS, "en"),
        ("Good morning Iris.", IRIS, "en"),
        ("What do you think, Iris?", IRIS, "en"),
        ("what do you think iris", IRIS, "en"),
        ("Tell me a joke, Iris, please.", IRIS, "en"),
        ("Iris is it raining", IRIS, "en"),
        ("Iris, is Bob there?", IRIS, "en"),
        ("Irish, what time is it?", IRIS, "en"),
        ("Hey Irish what time is it", IRIS, "en"),
        ("Iras what time is it", IRIS, "en"),
        ("Arise, what time is it?", IRIS, "en"),
        ("Hey Fox Bridge, what's up?", VOXBRIDGE, "en"),
        ("Box bridge, tell me a joke.", VOXBRIDGE, "en"),
        ("Can you hear me, vox bridge?", VOXBRIDGE, "en"),
        ("VoxBridge AI, tell me more.", VOXBRIDGE, "en"),
        ("Hallo Iris, wie geht's?", IRIS, "de"),
        ("Ohto, wie spät ist es?", OTTO, "de-DE"),
        ("Hey Computer, what time is it?", spoken_names(["Computer"]), "en"),
        ("Auto, wie spät ist es?", spoken_names(["Auto"]), "de"),
        ("Sag mal, Otto, wie spät ist es?", OTTO, "de"),
        ("Wie spät ist es, Otto?", OTTO, "de"),
        ("Dis, Iris, quelle heure est-il ?", IRIS, "fr"),
        ("Quelle heure est-il, Iris, s'il te plaît ?", IRIS, "fr"),
        ("Oye, Iris, ¿qué hora es?", IRIS, "es"),
        ("¿Qué hora es, Iris, por favor?", IRIS, "es"),
        ("アイリス、今何時？", KANA, "ja"),
        ("ねえ、あいりすさん、今何時ですか。", KANA, "ja"),
        ("今何時、アイリス？", KANA, "ja"),
        ("Zoë, are you there?", spoken_names(["Zoe"]), "en"),
        ("I have no idea. Iris, how tall is it?", IRIS, "en"),
        ("That will do. Hey Iris play something else.", IRIS, "en"),
        ("Hey. Iris. What time is it?", IRIS, "en"),
        ("What do you think, Iris? I have no idea.", IRIS, "en"),
        ("Iris can you tell me a joke.", IRIS, "en"),
        ("Iris what's up", IRIS, "en"),
        ("Nover, are you there?", spoken_names(["Nova"]), "en"),
        ("Jarvis, hast du Zeit?", spoken_names(["[BOT] Jarvis"]), "de"),
        ("Iris, are you there?", spoken_names(["IrisBot"]), "en"),
        ("Iris, qu'en dis-tu ?", spoken_names(["Le bot Iris"]), "fr"),
        ("アイリース、今何時？", IRIS, "ja"),
        ("わからない。イリス、答えは何？", IRIS, "ja"),
        ("ノヴァ、おはよう。", spoken_names(["Nova"]), "ja"),
        ("ジャービスさん今何時？", spoken_names(["Jarvis"]), "ja"),
        ("ちょっと教えて、オットー。", OTTO, "ja"),
        ("Irisu, what time is it?", KANA, "en"),
    ],
)
def test_a_call(text: str, names: tuple[str, ...], language: str) -> None:
    """At the start or the end, in the language's own manner, exact or as it is misheard."""
    assert is_called(text, names, language)


@pytest.mark.parametrize(
    ("text", "names", "language"),
    [
        ("I saw Iris yesterday.", IRIS, "en"),
        ("Iris said she would come.", IRIS, "en"),
        ("Iris is funny.", IRIS, "en"),
        ("I went there with Iris.", IRIS, "en"),
        ("Have you asked Iris", IRIS, "en"),
        ("Iris's car is blue.", IRIS, "en"),
        ("Iris’s car is blue.", IRIS, "en"),
        ("Irish coffee is fine.", IRIS, "en"),
        ("Is it raining?", IRIS, "en"),
        ("Ours is better.", IRIS, "en"),
        ("It is raining.", OTTO, "en"),
        ("At home we have two.", OTTO, "en"),
        ("The bridge is long.", VOXBRIDGE, "en"),
        ("Ich war gestern bei Otto.", OTTO, "de"),
        ("Auto, das wäre schön.", OTTO, "de-DE"),
        ("Auto fahren macht Spaß.", OTTO, "de"),
        ("Ich nehme das Auto.", OTTO, "de"),
        ("Auto, that is what we need.", OTTO, "en"),
        ("Otto hat gesagt, er kommt.", OTTO, "de"),
        ("J'ai parlé avec Iris.", IRIS, "fr"),
        ("Hablé con Iris.", IRIS, "es"),
        ("アイリスは面白いね。", KANA, "ja"),
        ("昨日アイリスに会った。", KANA, "ja"),
        ("", IRIS, "en"),
        ("...", IRIS, "en"),
        ("What time is it?", (), "en"),
        ("Iris' idea was better.", IRIS, "en"),
        ("Iris’ Idee war besser.", IRIS, "de"),
        ("Iris speaks Spanish better than you.", IRIS, "en"),
        ("Iris is nice, right?", IRIS, "en"),
        ("Yes, and Iris was the name of the ship.", IRIS, "en"),
        ("Otto hat das gestern schon gesagt.", OTTO, "de"),
        ("Otto von Bismarck war Kanzler.", OTTO, "de"),
        ("Nova Scotia is cold.", spoken_names(["Nova"]), "en"),
        ("My brother drove a Chevy Nova.", spoken_names(["Nova"]), "en"),
        ("We danced to bossa nova.", spoken_names(["Nova"]), "en"),
        ("No va mal el negocio.", spoken_names(["Nova"]), "es"),
        ("Nova me dijo que sí.", spoken_names(["Nova"]), "es"),
        ("Iris a dit que c'était complet.", IRIS, "fr"),
        ("I saw Mr. Otto, the baker.", OTTO, "en"),
        ("アイスが食べたい。", IRIS, "ja"),
        ("うちのアイリス。", IRIS, "ja"),
        ("おっと、落とした。", spoken_names(["オットー"]), "ja"),
        ("あと、飲み物も。", OTTO, "ja"),
    ],
)
def test_no_call(text: str, names: tuple[str, ...], language: str) -> None:
    """Spoken about, in the middle, or another word."""
    assert not is_called(text, names, language)


NEARLY = {
    "de": ("Mira Max Otto Iris Lena Anna", "mir mag mai ihres auto mehr lehne ahne kann mars wir"),
    "en": ("Mira Max Otto Nova Ada Tom", "me my may more mr auto never add time eye team"),
    "fr": ("Mira Max Iris Luna Noé", "ma mars mer mari pris lune une nous non"),
    "es": ("Mira Max Luna Nora Leo", "mi me mar mero lunes una nada ahora lo la"),
}


@pytest.mark.parametrize("language", NEARLY)
def test_everyday_words_call_nobody(language: str) -> None:
    """Whatever they resemble, and however they are set off; on a list of words that sound or look like names."""
    names, heard = (words.split() for words in NEARLY[language])
    calls = [
        (name, word)
        for name in names
        for word in heard
        if is_called(f"{word.capitalize()}, this is it.", spoken_names([name]), language)
    ]
    assert calls == []


def test_names_as_they_are_spoken() -> None:
    """Without what nobody says; of several words the first one too; a letter is no name."""
    assert spoken_names(["VoxBridge (AI) ✨", "Iris", "R2-D2", "★", "X"]) == (
        "voxbridge ai",
        "voxbridge",
        "iris",
        "r2 d2",
        "r2",
    )


@pytest.mark.parametrize(
    ("language", "name", "heard"),
    [
        ("de", "schmidt", "schmitt"),
        ("de", "vogel", "fogel"),
        ("fr", "manon", "mannon"),
        ("es", "vera", "bera"),
        ("es", "cecilia", "sesilia"),
        ("en", "jon", "john"),
        ("en", "claude", "cloud"),
    ],
)
def test_sounds_of_languages(language: str, name: str, heard: str) -> None:
    """Each language hears by its own spelling."""
    assert sounds_like(heard, name, language)
    assert not sounds_like("zebra", name, language)


def test_a_letter_is_forgiven_in_a_name_that_is_long_enough() -> None:
    """Short names are too like other words."""
    assert looks_like("irish", "iris")
    assert not looks_like("bot", "bob")
    assert looks_like("foxbridges", "voxbridge")


@given(
    st.text(max_size=60),
    st.lists(st.text(max_size=12), max_size=3),
    st.sampled_from(["en", "de", "fr", "es", "ja", "xx", ""]),
)
def test_nothing_that_is_said_or_called_raises(text: str, names: list[str], language: str) -> None:
    """Whatever a speech server writes and whatever people call themselves."""
    is_called(text, spoken_names(names), language)
    assert isinstance(sound_of(folded(text), language), str)
