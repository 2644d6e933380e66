# ruff: noqa: RUF001 - the words of many languages
"""What people say over somebody who speaks: "mhm" (go on), "stop", "go on where you were". A table for each language.

    meaning_of("Yeah, okay.")          backchannel     who listens says so; nobody is to stop or to answer
    meaning_of("Vox, stop it please")  stop            obeyed at once, and not answered
    meaning_of("go on")                go on           the rest of what was cut off is wanted
    meaning_of("yeah but what about")  speech
    meaning_of("")                     nothing

"Mama" is what Whisper tiny hears of "mm-hmm".

All languages are understood at once: people in a room mix them, and a speech server often hears a short word in the
wrong one. Only the whole of what was said counts, never a word in it. "Yes" is a backchannel only over an answer that
does not ask; who uses this module decides that.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Literal

from voxbridge.core.text.phantoms import plain

Meaning = Literal["nothing", "backchannel", "stop", "go on", "speech"]

# for each language: single words; phrases of several, apart by commas
_BACKCHANNELS: dict[str, tuple[str, str]] = {
    "sounds": (
        (
            "mhm mm mmm mmhm mama hm hmm hmmm uh huh uhhuh mhmm aha ah oh ooh um uhm er eh ach aah ohh wow "
            "ha hehe haha hahaha"
        ),
        "uh huh, mm hmm, mm hm",
    ),
    "en": (
        "yeah yea yep yup yes ok okay okey right alright sure cool nice great good exactly indeed true really",
        "i see, got it, of course, all right, makes sense, i know, fair enough, sounds good",
    ),
    "de": (
        "ja jaja jo jup okay genau stimmt klar gut richtig super toll schon verstehe achso echt",
        "ach so, alles klar, na klar, sehr gut, ich verstehe, so ist es, na ja",
    ),
    "fr": (
        "oui ouais ok voila exactement exact bien vrai super",
        "d accord, ah bon, bien sur, je vois, c est vrai, tres bien",
    ),
    "es": ("si vale claro ya exacto aja bien bueno cierto ok", "de acuerdo, asi es, ya veo, muy bien, por supuesto"),
    "it": ("si gia certo esatto bene giusto vero ok capito", "va bene, d accordo, ho capito"),
    "pt": (
        "sim ta certo claro isso exato aham uhum bom verdade entendi ok",
        "pois e, esta bem, com certeza, muito bem",
    ),
    "nl": ("ja oke okee precies juist inderdaad goed klopt", "ja hoor, ik snap het, ik begrijp het, dat klopt"),
    "sv": ("ja okej precis just jo visst bra", "just det, jag forstar"),
    "da": ("ja okay praecis netop godt", "det er rigtigt, jeg forstar"),
    "nb": ("ja ok akkurat nettopp bra riktig", "jeg skjonner"),
    "pl": ("tak jasne dokladnie okej dobrze rozumiem wlasnie racja", "no tak, no dobrze"),
    "cs": ("jo ano jasne presne dobre chapu rozumim", "no jo, tak jo"),
    "ru": ("да ага угу понятно ясно точно хорошо ладно конечно окей", "ну да, я понял, я поняла"),
    "uk": ("так ага угу зрозуміло ясно точно добре звісно окей", "ну так"),
    "tr": ("evet tamam peki anladim dogru tabii aynen", "hi hi"),
    "ja": ("はい うん ええ そう そうそう なるほど へえ うんうん そうですね たしかに 確かに", ""),
    "zh": ("嗯 嗯嗯 对 对对 好 好的 是 是的 哦 明白 没错 行", ""),
    "ko": ("네 예 응 그래 맞아 그렇구나 아하 음", ""),
    "ar": ("نعم ايوه اه تمام طيب صح", ""),
    "hi": ("हाँ हां जी अच्छा ठीक सही", "ठीक है"),
}

_STOPS: dict[str, tuple[str, str]] = {
    "en": (
        "stop quiet silence enough cancel shush hush nevermind",
        (
            "stop it, stop that, stop talking, stop speaking, be quiet, shut up, that s enough, that is enough, "
            "that will do, never mind"
        ),
    ),
    "de": (
        "stopp stop halt ruhe still schluss genug abbrechen aufhoren klappe",
        "hor auf, sei still, sei leise, das reicht, es reicht, halt an, hor auf zu reden",
    ),
    "fr": (
        "stop arrete arretez silence assez",
        "arrete toi, tais toi, taisez vous, ca suffit",
    ),
    "es": ("para basta alto silencio callate detente stop", "para ya, ya basta, ya esta bien"),
    "it": ("basta fermati ferma fermo zitto silenzio stop", "basta cosi, stai zitto"),
    "pt": ("pare para chega silencio basta stop", "cala a boca, para com isso, ja chega"),
    "nl": ("stop genoeg stil stilte", "hou op, houd op, stop maar, wees stil"),
    "sv": ("stopp sluta tyst stop", "det racker, var tyst"),
    "da": ("stop stille", "vaer stille, det er nok"),
    "nb": ("stopp stille", "vaer stille, det er nok"),
    "pl": ("stop przestan cisza dosc wystarczy stoj", "badz cicho"),
    "cs": ("stop dost ticho prestan", ""),
    "ru": ("стоп хватит стой тихо замолчи перестань достаточно", ""),
    "uk": ("стоп досить тихо зупинись замовкни", ""),
    "tr": ("dur yeter sus durdur kes", "yeter artik"),
    "ja": ("ストップ 止めて やめて 静かに 止まって もういい もういいよ", ""),
    "zh": ("停 停下 停止 安静 够了 别说了 闭嘴 停一下", ""),
    "ko": ("그만 멈춰 조용히 스톱 그만해 됐어", ""),
    "ar": ("توقف قف كفى اسكت", ""),
    "hi": ("रुको बस चुप", "बस करो, रुक जाओ"),
}

_GO_ON: dict[str, tuple[str, str]] = {
    "en": (
        "continue",
        (
            "go on, go ahead, carry on, keep going, please continue, go on please, where were you, "
            "what were you saying, "
            "you were saying, finish that, finish your sentence, and the rest"
        ),
    ),
    "de": (
        "weiter weitermachen",
        (
            "mach weiter, red weiter, rede weiter, sprich weiter, erzahl weiter, bitte weiter, weiter bitte, "
            "fahr fort, "
            "und weiter"
        ),
    ),
    "fr": ("continue continuez", "continue s il te plait, vas y continue, la suite"),
    "es": ("continua sigue prosigue", "sigue por favor, y que mas"),
    "it": ("continua prosegui", "vai avanti, vai pure avanti"),
    "pt": ("continua continue prossiga segue", "pode continuar"),
    "nl": ("verder doorgaan", "ga door, ga verder, ga maar door"),
    "sv": ("fortsatt", "prata vidare"),
    "pl": ("kontynuuj dalej", "mow dalej"),
    "ru": ("продолжай продолжайте дальше", ""),
    "uk": ("продовжуй далі", ""),
    "tr": ("devam", "devam et"),
    "ja": ("続けて 続き", ""),
    "zh": ("继续 接着说 继续说", ""),
    "ko": ("계속 계속해", ""),
}

# Who is spoken to politely is spoken to: these may stand round a stop word.
_POLITE_WORDS = (
    "please bitte now jetzt hey ok okay oh no just mal doch bot s il te vous plait por favor per favore prego merci "
    "thanks thank you danke alsjeblieft prosze пожалуйста"
)
_POLITE = frozenset(_POLITE_WORDS.split())
_BACKCHANNEL_WORDS_MAX = 6
_STOP_WORDS_MAX = 6


def _phrases(table: dict[str, tuple[str, str]]) -> frozenset[str]:
    found = {plain(word) for words, _ in table.values() for word in words.split()}
    found |= {plain(phrase) for _, phrases in table.values() for phrase in phrases.split(",")}
    return frozenset(found - {""})


_BACKCHANNEL, _STOP, _GOES_ON = _phrases(_BACKCHANNELS), _phrases(_STOPS), _phrases(_GO_ON)
_LONGEST = max(len(phrase.split()) for phrase in _BACKCHANNEL | _STOP | _GOES_ON)


def _is_made_of(words: list[str], phrases: frozenset[str]) -> bool:
    """Tell whether the words are nothing but such phrases, one after the other."""
    reached = {0}
    for at in range(len(words)):
        if at in reached:
            reached |= {at + n for n in range(1, _LONGEST + 1) if " ".join(words[at : at + n]) in phrases}
    return len(words) in reached


def meaning_of(text: str, *, own_stops: Iterable[str] = (), names: Iterable[str] = ()) -> Meaning:
    """Return what somebody means who says this over an answer. ``own_stops`` are more stop words, ``names`` ours."""
    words = plain(text).split()
    if not words:
        return "nothing"
    if _is_stop(tuple(words), frozenset(map(plain, own_stops)), frozenset(map(plain, names))):
        return "stop"
    if " ".join(words) in _GOES_ON:
        return "go on"
    if len(words) <= _BACKCHANNEL_WORDS_MAX and _is_made_of(words, _BACKCHANNEL):
        return "backchannel"
    return "speech"


@functools.lru_cache(maxsize=256)
def _is_stop(words: tuple[str, ...], own: frozenset[str], names: frozenset[str]) -> bool:
    stops = _STOP | own
    spoken = [word for word in words if word not in _POLITE and word not in names] or list(words)
    if len(words) > _STOP_WORDS_MAX and len(set(spoken)) > 2:
        return False
    return _is_made_of(list(words), stops) or _is_made_of(spoken, stops)


def may_become(text: str) -> Meaning:
    """Return what an unfinished text means so far: its last word may be the beginning of a longer one."""
    meaning = meaning_of(text)
    if meaning != "speech":
        return meaning
    *before, last = plain(text).split()
    is_open = not before or _is_made_of(before, _BACKCHANNEL)
    if is_open and len(last) < 4 and any(phrase.startswith(last) for phrase in _BACKCHANNEL):
        return "nothing"
    return "speech"
