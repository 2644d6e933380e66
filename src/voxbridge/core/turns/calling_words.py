"""The words round a name, by language: those that open and close a call, and those that speak about somebody.

All of them folded (see ``sounds.folded``). A language without a row has no such words, but for opening and closing,
where English stands in.
"""

from __future__ import annotations

from collections.abc import Mapping

Words = Mapping[str, frozenset[str]]


def _rows(**rows: str) -> Words:
    return {language: frozenset(words.split()) for language, words in rows.items()}


OPENING = _rows(
    en="hey hi hello ok okay alright so well um uh erm hmm and but please listen yo oh ah good morning afternoon "
    "evening night thanks thank you yes no yeah right now then excuse me",
    de="hey hi hallo ok okay also na ja nein ah ahm oh hm und aber bitte hor mal sag guten morgen tag abend danke du "
    "so",
    fr="he hey salut bonjour bonsoir coucou ok okay alors bon euh ah oh et mais dis oui non merci ecoute s'il te plait "
    "vous",
    es="oye hola eh ey ok okay bueno pues a ver y pero oh ah si no por favor gracias buenos buenas dias tardes noches "
    "escucha",
    ja="ねえ ねぇ あの あのう えっと ええと おい もしもし はい うん ok okay",
)
"""What may stand before a name at the start."""

CLOSING = _rows(
    en="please thanks thank you then now ok okay right",
    de="bitte danke jetzt ok okay denn mal",
    fr="s'il te plait vous merci maintenant ok",
    es="por favor gracias ahora ok",
)
"""What may follow a name at the end."""

ABOUT_BEFORE = _rows(
    en="with about from to for by of at on in like than as and or the a an my your our his her their this that called "
    "named call name tell told ask asked know knew knows see saw met meet love hate use used using against without is "
    "was be via named miss thank remember mention mentioned said says meant i'm it's that's",
    de="mit von vom zu zur fur uber bei an auf in wie als und oder die der das den dem eine ein einen meine meiner "
    "deine ihre heisst namens frag frage gefragt kenne kennt kennst sah sehe mag liebe ohne gegen nach ist war hat "
    "sagt sagte meint",
    fr="avec de a pour par sur chez comme que et ou la le les l un une ma ta sa notre appelee nommee demande connais "
    "connait vois aime sans contre c'est est etait dit",
    es="con de a para por sobre como que y o la el las los una un mi tu su llamada llamado conozco conoces conoce veo "
    "vi quiero sin contra es era dijo dice",
)
"""What makes a name at the end somebody who is spoken about."""

ABOUT_AFTER = _rows(
    en="said says told tells thinks thought wants wanted went goes knows knew gave gives made makes came comes got "
    "gets took looks looked seems isn't wasn't hasn't doesn't didn't also always never already just and or who "
    "answered asked replied called",
    de="sagt sagte meint meinte will wollte ging geht weiss wusste gab gibt kam kommt sieht sah auch immer nie schon "
    "und oder die der welche antwortet antwortete fragte",
    fr="dit disait pense pensait veut voulait va allait sait savait donne vient vint semble aussi et ou qui repond",
    es="dice dijo piensa pensaba quiere queria va iba sabe sabia da dio viene vino parece tambien y o que responde",
    ja="は が の も と を に へ って とか",
)
"""What makes a name at the start somebody who is spoken about."""

ASKING = _rows(
    en="is was are were has had can could will would does did should",
    de="ist war hat hatte kann konnte wird wurde soll sollte darf muss",
)
"""Verbs that ask if a subject follows, and tell of the name before them if not."""

SUBJECTS = _rows(
    en="it that this there he she they we you i the a an my your our his her their these those anybody anyone somebody "
    "someone everybody everyone",
    de="es das dies dieser diese der die ein eine er sie wir ihr du ich man mein meine dein deine unser jemand",
)
"""What follows such a verb in a question."""

TITLES = ("さん", "ちゃん", "くん", "君", "さま", "様", "せんせい", "先生")
"""What is put behind a name in Japanese."""
