"""Transcripts that nobody spoke: what speech models make out of breath, keys and silence.

Whisper was trained on subtitles, so noise becomes their credits, thanks for watching, or a loop of words. Three signs,
each enough: the model itself says that nobody spoke; the words are known phantoms; there are more of them than the
time could hold. People do say "thank you", so words that may be meant count as phantoms only when they come alone, and
out of less sound than it takes to say them, or with a doubt of the model's own.
"""

from __future__ import annotations

import re
import unicodedata

NO_SPEECH_MAX = 0.9
"""From this probability of silence on, nothing was said. Whisper's own limit, 0.6, is joined with a second doubt."""

NO_SPEECH_DOUBT = 0.5
WORDS_PER_S_MAX = 9.0  # an auctioneer does 6 or 7; the sound holds pauses too, so the true rate is higher than ours
LETTERS_PER_S_MAX = 50.0
_WORDS_MIN = 5  # a rate over less is chance
_LOOP_MIN = 6

# Nobody says these to an agent; the first two lines anywhere, the others as the beginning of all that was said.
_CREDITS = re.compile(
    r"amara ?org|dimatorzok|字幕由|字幕志愿者|請不吝點贊|请不吝点赞|明镜与点点"
    r"|ご視聴ありがとう|チャンネル登録|시청해 ?주셔서|구독과 좋아요"
    r"|^(subtitl(es|ed)|caption(s|ed)?|transcribed|transcription) by\b|^captioning sponsored"
    r"|^untertitel(ung)? (im auftrag|der|von|des|br)\b|^sous titr(es|age) (realises?|par|st|societe)\b"
    r"|^subtitulos (realizados|por|creados)\b|^legendas pela comunidade|^sottotitoli (creati|e revisione|a cura)\b"
    r"|^ondertiteld? door|^napisy stworzone|^altyazi m ?k\b"
    r"|^субтитры (сделал|создавал|подогнал|и субтитры)|^редактор субтитров|^продолжение следует"
)

# These may be meant, so they are phantoms only in doubt.
_DOUBTFUL = frozenset({
    "you", "thank you", "thanks", "thank you very much", "thank you so much", "thanks for watching",
    "thank you for watching", "thank you so much for watching", "thanks for watching and see you next time",
    "please subscribe", "please subscribe to my channel", "like and subscribe", "see you next time",
    "see you in the next video", "bye", "bye bye", "goodbye", "the", "um", "uh", "hmm", "mm",
    "vielen dank", "danke", "danke schon", "vielen dank furs zuschauen", "bis zum nachsten mal", "tschuss", "das war s",
    "merci", "merci d avoir regarde cette video", "merci beaucoup", "a bientot",
    "gracias", "gracias por ver el video", "gracias por ver", "hasta la proxima",
    "grazie", "grazie a tutti", "grazie per la visione", "obrigado", "obrigada", "tchau",
    "bedankt voor het kijken", "dziekuje", "dziekuje za uwage", "tesekkurler", "izlediginiz icin tesekkurler",
    "спасибо", "спасибо за просмотр", "谢谢", "谢谢观看", "謝謝觀看", "ありがとうございました", "감사합니다",
})  # fmt: skip
_PLAIN_LETTERS = {0x131: "i", 0x142: "l"}  # Turkish and Polish letters that are no accented ones
_DOUBTFUL_S = 0.5  # "thank you" takes 0.4 s, and the sound counted here holds 0.2 s of the pause behind it


def is_phantom(text: str, *, sound_s: float, no_speech: float | None = None) -> bool:
    """Tell whether a transcript of ``sound_s`` seconds is of nothing that was said.

    ``no_speech`` is the model's own probability that nobody spoke. An empty text is none.
    """
    words = _plain(text)
    if not words:
        return bool(text.strip())  # only marks: ..., ♪
    if no_speech is not None and no_speech >= NO_SPEECH_MAX:
        return True
    if _CREDITS.search(words):
        return True
    is_doubted = no_speech is not None and no_speech >= NO_SPEECH_DOUBT
    if words in _DOUBTFUL:
        return is_doubted or sound_s < _DOUBTFUL_S
    return _is_too_much(words, sound_s) or _is_loop(words.split())


def _plain(text: str) -> str:
    """Return the words alone: small letters without accents (of Latin letters), single spaces."""
    bare = "".join(
        letter for letter in unicodedata.normalize("NFKD", text.casefold()) if not "\u0300" <= letter <= "\u036f"
    )
    bare = unicodedata.normalize("NFC", bare).translate(_PLAIN_LETTERS)
    return " ".join(re.findall(r"[^\W_]+", bare))


def _is_too_much(words: str, sound_s: float) -> bool:
    count = words.count(" ") + 1
    letters = len(words) - count + 1
    if count < _WORDS_MIN and letters < LETTERS_PER_S_MAX:
        return False
    return count > WORDS_PER_S_MAX * max(sound_s, 0.1) or letters > LETTERS_PER_S_MAX * max(sound_s, 0.1)


def _is_loop(words: list[str]) -> bool:
    """Tell whether the text is one phrase over and over, as a model does that has lost its way."""
    for size in range(1, 5):
        if len(words) < size * _LOOP_MIN:
            return False
        if all(word == words[index % size] for index, word in enumerate(words)):
            return True
    return False
