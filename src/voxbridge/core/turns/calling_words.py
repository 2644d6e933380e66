"""The words round a name, by language: those that open and close a call, and those that speak about somebody.

All of them folded (see ``sounds.folded``). A language without a row has no such words, but for opening and closing,
where English stands in.
"""

from __future__ import annotations

from collections.abc import Mapping

Words = Mapping[str, frozenset[str]]


def rows(**words_of: str) -> Words:
    """Return a table of words by language, from texts."""
    return {language: frozenset(words.split()) for language, words in words_of.items()}


OPENING = rows(
    en="hey hi hello ok okay alright so well um uh erm hmm and but please listen yo oh ah good morning afternoon "
    "evening night thanks thank you yes no yeah right now then excuse me sorry sure cool great",
    de="hey hi hallo ok okay also na ja nein ah ahm oh hm und aber bitte hor mal sag guten morgen tag abend danke du "
    "so hej moin servus entschuldigung entschuldige sorry ach los komm gut klar",
    fr="he hey salut bonjour bonsoir coucou ok okay alors bon euh ah oh et mais dis oui non merci ecoute s'il "
    "te plait "
    "vous moi pardon excuse tiens voila bonne nuit d'accord eh ben",
    es="oye hola eh ey ok okay bueno pues a ver y pero oh ah si no por favor gracias buenos buenas dias tardes "
    "noches "
    "escucha perdona perdon disculpa vale venga claro dime",
    ja="ねえ ねぇ あの あのう えっと ええと おい もしもし はい うん ok okay ねえねえ おはよう おはようございます "
    "こんにちは こんばんは さて じゃあ では それじゃ すみません ごめん ありがとう おやすみ ヘイ ハイ オーケー",
)
"""What may stand before a name at the start."""

CLOSING = rows(
    en="please thanks thank you then now ok okay right",
    de="bitte danke jetzt ok okay denn mal",
    fr="s'il te plait vous merci maintenant ok",
    es="por favor gracias ahora ok",
)
"""What may follow a name at the end."""

ABOUT_BEFORE = rows(
    en="with about from to for by of at on in like than as and or the a an my your our his her their this that "
    "called "
    "named call name tell told ask asked know knew knows see saw met meet love hate use used using against "
    "without is "
    "was be via named miss thank remember mention mentioned said says meant i'm it's that's he's she's name's "
    "also poor little old dear silly clever stupid",
    de="mit von vom zu zur fur uber bei an auf in wie als und oder die der das den dem eine ein einen meine meiner "
    "deine ihre heisst namens frag frage gefragt kenne kennt kennst sah sehe mag liebe ohne gegen nach ist war hat "
    "sagt sagte meint auch arme armer armes kleine kleiner liebe lieber alte alter",
    fr="avec de a pour par sur chez comme que et ou la le les l un une ma ta sa notre appelee nommee demande connais "
    "connait vois aime sans contre c'est est etait dit aussi s'appelle m'appelle "
    "t'appelle appelle pauvre petite petit chere cher",
    es="con de a para por sobre como que y o la el las los una un mi tu su llamada llamado conozco conoces "
    "conoce veo "
    "vi quiero sin contra es era dijo dice tambien llama llamo bossa arco pobre "
    "querida querido",
)
"""What makes a name at the end somebody who is spoken about."""

ABOUT_AFTER = rows(
    en="said says told tells thinks thought wants wanted went goes knows knew gave gives made makes came comes got "
    "gets took looks looked seems isn't wasn't hasn't doesn't didn't also always never already just and or who "
    "answered asked replied called spoke heard felt found left met won lost ran ate drove bought brought sent "
    "sat stood "
    "became kept won't can't couldn't wouldn't might may must "
    "often usually only even probably",
    de="sagt sagte meint meinte will wollte ging geht weiss wusste gab gibt kam kommt sieht sah auch immer nie "
    "oft schon "
    "und oder die der welche antwortet antwortete fragte heisst hiess wohnt spricht findet fand macht kennt mag "
    "braucht",
    fr="dit disait pense pensait veut voulait va allait sait savait donne vient vint semble aussi toujours "
    "jamais souvent et ou qui repond fait faisait prend "
    "habite connait croit n'a n'est s'est m'a t'a l'a n'etait ne",
    es="dice dijo piensa pensaba quiere queria va iba sabe sabia da dio viene vino parece tambien y o que "
    "responde hizo decia estaba estuvo tuvo vive trabaja cree "
    "creia llego salio gusta contesto respondio suele siempre nunca casi",
    ja="は が の も と を に へ って とか",
)
"""What makes a name at the start somebody who is spoken about."""

ASKING = rows(
    en="is was are were has had can could will would does did should",
    de="ist war hat hatte kann konnte wird wurde soll sollte darf muss",
    fr="est etait a avait sera peut pouvait doit devrait serait va",
    es="es era fue esta ha habia sera tiene tenia puede podia debe hace",
)
"""Verbs that ask if a subject follows, and tell of the name before them if not."""

SUBJECTS = rows(
    en="it that this there he she they we you i the a an my your our his her their these those anybody anyone "
    "somebody "
    "someone everybody everyone",
    de="es das dies dieser diese der die ein eine er sie wir ihr du ich man mein meine dein deine unser jemand",
    fr="ce il elle on tu vous je nous t",
)
"""What follows such a verb in a question."""

ASKED = rows(en="you i we there", de="du ich wir ihr", fr="ce il elle on tu vous je nous t")
"""Of these, what follows it in a question that ends with a full stop: "can you tell me a joke."."""

VERB_PARTICLES = rows(fr="me te se nous vous lui leur y en", es="me te se nos os le les lo la no")
"""What may stand between a name and the verb that tells of it: "Nova me dijo"."""

TITLES = ("さん", "ちゃん", "くん", "君", "さま", "様", "せんせい", "先生")
"""What is put behind a name in Japanese."""
