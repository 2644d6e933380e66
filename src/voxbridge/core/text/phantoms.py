# ruff: noqa: RUF001 - brackets and stops of many scripts
"""Transcripts that nobody spoke: what speech models make out of breath, keys and silence.

Whisper was trained on subtitles, so noise becomes their credits, thanks for watching, notes of sounds in brackets, or
a loop of words. Any of these may also stand beside what was really said; then it is cut away and the rest is kept.

Signs that nothing was said at all, each enough: the model itself says that nobody spoke, or is surer of that than of
its words; nothing is left beside the phantoms; there are more words than the time could hold. People do say "thank
you", so words that may be meant count as phantoms only when they come alone, and out of less sound than it takes to
say them, or with a doubt of the model's own.
"""

from __future__ import annotations

import re
import unicodedata

from voxbridge.core.text.noises import all_noises
from voxbridge.core.text.phantom_words import (
    CHANNEL_WORDS,
    CHANNELS,
    CHANNELS_WRITTEN,
    CREDITS,
    CREDITS_ANYWHERE,
    DOUBTFUL,
    MEANT,
)

NO_SPEECH_MAX = 0.9
"""From this probability of silence on, nothing was said. Whisper's own limit, 0.6, is joined with a second doubt."""

NO_SPEECH_DOUBT = 0.5
# Below this probability of silence no doubt about the words makes them a phantom: a name is seldom sure (0.34).
_NO_SPEECH_HEEDED = 0.1
WORDS_PER_S_MAX = 9.0  # an auctioneer does 6 or 7; the sound holds pauses too, so the true rate is higher than ours
LETTERS_PER_S_MAX = 50.0
_FREE_LETTERS = 4000  # what is longer than this and than any speech is not even looked at
_WORDS_MIN = 5  # a rate over less is chance
_LOOP_MIN = 6
_LOOP_UNSPACED_MIN = 8  # of one character
_LAUGHTER = frozenset("哈呵嘿笑はフ不是对好ㅋㅎㅠ")
_LOOP_MEANT_MIN = 13  # "no no no no no no" is said in anger
_LOOP_DOUBTFUL_MIN = 3
_LOOP_PHRASE_MIN = {2: 4, 3: 4}  # of so many words
_LOOP_PHRASE_MAX = 15
_LOOP_SENTENCE_MIN = 3  # nobody says a sentence of four words three times on end
_CHANNEL_WORDS_MAX = 12
_NOISE_WORDS_MAX = 6
_DOUBTFUL_S = 0.5  # "thank you" takes 0.4 s, and the sound counted here holds 0.2 s of the pause behind it

_TOKEN = re.compile(r"<[|｜]?[^<>\n]{1,40}[|｜]?>")
_SQUARE = re.compile(r"\[[^\[\]]*\]|【[^【】]*】|\{[^{}]*\}|〔[^〔〕]*〕|［[^［］]*］")
_ROUND = re.compile(r"\(([^()]*)\)|（([^（）]*)）")
_STARS = re.compile(r"(?<![\w*])\*+(?=\S)([^*]{1,80}?)(?<=\S)\*+(?![\w*])")
_STARS_APART = re.compile(r"\s*\*+\s[^*]{1,80}\s\*+\s*")
_TURN = re.compile(r"(?:(?<=\s)|\A)>{2,3}\s*")
"""A change of speakers in captions."""
_NOTES = re.compile(r"[♪♫♬🎵🎶]+[^♪♫♬🎵🎶]*[♪♫♬🎵🎶]+|[♪♫♬🎵🎶#]*[♪♫♬🎵🎶]")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？।۔؟።])\s*|\n+")
_BY_SOMEONE = re.compile(r"\bby\s+(?:the\s+)?[^\W\d_a-z]")
_PLAIN_LETTERS = {0x131: "i", 0x142: "l"}  # Turkish and Polish letters that are no accented ones
_NOISE_MARK = re.compile(r"[<\[【{〔［(（*♪♫♬🎵🎶]")
_WORDS = re.compile(r"[^\W_]+")


def plain(text: str) -> str:
    """Return the words alone: small letters without accents (of Latin letters), single spaces."""
    bare = text.casefold()
    if not bare.isascii():
        bare = "".join(letter for letter in unicodedata.normalize("NFKD", bare) if not "\u0300" <= letter <= "\u036f")
        bare = unicodedata.normalize("NFC", bare).translate(_PLAIN_LETTERS)
    return " ".join(_WORDS.findall(bare))


def _written(text: str) -> str:
    """Return the words as they are written, for scripts whose vowels are marks."""
    if text.isascii():
        return " ".join(_WORDS.findall(text))
    letters = unicodedata.normalize("NFC", re.sub("[\u064b-\u0652\u0591-\u05c7]", "", text))  # vowel points
    return " ".join(
        "".join(char if char.isalnum() or unicodedata.category(char)[0] == "M" else " " for char in letters).split()
    )


_ANYWHERE = re.compile(CREDITS_ANYWHERE)
# Letters whose accent ``plain`` takes away, and that the patterns are written with.
_ACCENTED = str.maketrans("йёї", "иеі")
_CREDIT = re.compile("|".join(f"(?:{pattern})" for pattern in CREDITS).translate(_ACCENTED))
_CHANNEL = re.compile("|".join(f"(?:{pattern})" for pattern in CHANNELS).translate(_ACCENTED))
_CHANNELS_WRITTEN = frozenset(map(_written, CHANNELS_WRITTEN))
_NOISES = frozenset(plain(word) for word in all_noises()) | {_written(word) for word in all_noises()}
_DOUBTFUL = frozenset(map(plain, DOUBTFUL))
_MEANT = frozenset(map(plain, MEANT))


def heard(text: str, *, sound_s: float, no_speech: float | None = None, confidence: float | None = None) -> str:
    """Return what was really said in ``sound_s`` seconds that were transcribed as ``text``; "" for nothing.

    ``no_speech`` is the model's own probability that nobody spoke, ``confidence`` that of its words. A text without
    phantoms comes back as it is.
    """
    if no_speech is not None and (no_speech >= NO_SPEECH_MAX or _is_babble(no_speech, confidence)):
        return ""
    if len(text) > _FREE_LETTERS + 2 * LETTERS_PER_S_MAX * sound_s:
        return ""
    turned = _TURN.sub("", text) if ">>" in text else text
    bare = _without_noises(turned)
    kept = _without_credits(bare)
    words = plain(kept)
    if not words or (kept != bare and words in _DOUBTFUL and words != "das war s"):
        return ""  # what is left beside a farewell is one as well: "See you in the next video. Bye!"
    is_doubted = no_speech is not None and no_speech >= NO_SPEECH_DOUBT
    if words in _DOUBTFUL and (is_doubted or sound_s < _DOUBTFUL_S):
        return ""
    # What was cut away was invented, so its length says nothing about the rest.
    if kept == text and _is_too_much(words, sound_s):
        return ""
    if _is_loop(words.split()) or _is_unspaced_loop(words):
        return ""
    return kept


def is_phantom(text: str, *, sound_s: float, no_speech: float | None = None, confidence: float | None = None) -> bool:
    """Tell whether a transcript is of nothing that was said. An empty text is none."""
    return bool(text.strip()) and not heard(text, sound_s=sound_s, no_speech=no_speech, confidence=confidence)


def _is_babble(no_speech: float, confidence: float | None) -> bool:
    """Tell whether a model is surer that nobody spoke than of the words that it made up all the same.

    So it is with several people who talk at once: of 144 pieces of babble 93 came out as words, and 83 of these are
    told by this. None of 76 sentences is, clean or with noise 10 and 3 dB below the voice, and one of 38 at 0 dB, of
    which 8 words of 12 were wrong (the embedded tiny.en).
    """
    return confidence is not None and no_speech >= _NO_SPEECH_HEEDED and confidence < no_speech


def _without_noises(text: str) -> str:
    """Return the text without notes of sounds: what stands in brackets, between stars or notes."""
    if _NOISE_MARK.search(text) is None:
        return text
    bare = _TOKEN.sub(" ", text)
    bare = _NOTES.sub(" ", _SQUARE.sub(" ", bare))
    bare = _STARS.sub(" ", bare)
    bare = "" if _STARS_APART.fullmatch(bare) else bare
    if not plain(_ROUND.sub(" ", bare)):
        return ""
    bare = _ROUND.sub(lambda match: " " if _is_noise(match[1] or match[2] or "") else match[0], bare)
    return text if bare == text else re.sub(r"\s+", " ", bare).strip()


def _is_noise(inner: str) -> bool:
    words = plain(inner).split()
    if len(words) > _NOISE_WORDS_MAX:
        return False
    if words and len(words) <= 4 and words[-1].isascii() and len(words[-1]) > 5 and words[-1].endswith("ing"):
        return True  # (engine revving)
    return not words or not _NOISES.isdisjoint(words) or not _NOISES.isdisjoint(_written(inner).split())


def _without_credits(text: str) -> str:
    """Return the text without the sentences at its beginning and end that are credits or a channel's farewell."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    sentences = [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]
    words = list(map(plain, sentences))
    places = [place for place, said in enumerate(words) if said]
    first, last = (places[0], places[-1]) if places else (0, -1)
    while first <= last and (not words[last] or _is_credit(sentences[last], words[last])):
        last -= 1
    while first < last and (not words[first] or _is_credit(sentences[first], words[first])):
        first += 1
    if first > last:
        return "" if places else text if text.isspace() else ""
    if (first, last) == (places[0], places[-1]):
        return text
    return "".join(sentences[first : last + 1]).strip()


def _is_credit(sentence: str, words: str) -> bool:
    written = _written(sentence)
    if _CHANNEL.fullmatch(words) or written in _CHANNELS_WRITTEN or _ANYWHERE.search(words):
        return True
    told = frozenset() if sentence.isascii() else frozenset(written.split())
    if len(told) <= _CHANNEL_WORDS_MAX and any(told & asked and told & of for asked, of in CHANNEL_WORDS):
        return True
    if _CREDIT.match(words) is None:
        return False
    # "Subtitles by tomorrow, please": somebody is named in a credit.
    return " by " not in f" {words} " or _BY_SOMEONE.search(sentence) is not None


def _is_too_much(words: str, sound_s: float) -> bool:
    count = words.count(" ") + 1
    letters = len(words) - count + 1
    if count < _WORDS_MIN and letters < LETTERS_PER_S_MAX:
        return False
    return count > WORDS_PER_S_MAX * max(sound_s, 0.1) or letters > LETTERS_PER_S_MAX * max(sound_s, 0.1)


def _is_loop(words: list[str]) -> bool:
    """Tell whether the text is one phrase over and over, as a model does that has lost its way."""
    for size in range(1, _LOOP_PHRASE_MAX + 1):
        phrase = words[:size]
        least = _LOOP_PHRASE_MIN.get(size, _LOOP_SENTENCE_MIN if size > 1 else _LOOP_MIN)
        if size == 1 and (phrase[0] in _MEANT or phrase[0].isdecimal()):
            least = _LOOP_MEANT_MIN
        elif " ".join(phrase) in _DOUBTFUL:
            least = _LOOP_DOUBTFUL_MIN
        if len(words) >= size * least and all(word == words[index % size] for index, word in enumerate(words)):
            return True
    return False


def _is_unspaced_loop(words: str) -> bool:
    """Tell the same of a text without spaces."""
    joined = words.replace(" ", "")
    if not joined or joined.isascii():
        return False
    for size in range(1, 21):
        phrase = joined[:size]
        least = _LOOP_UNSPACED_MIN if size == 1 else 4
        if phrase in _MEANT or (size == 1 and len(set(joined) & _LAUGHTER) == 1):
            least = _LOOP_MEANT_MIN
        if len(joined) >= size * least and joined[size:] == joined[:-size]:
            return True
    return False
