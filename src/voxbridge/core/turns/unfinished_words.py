# ruff: noqa: RUF001 - the letters of many languages
"""Words with which no phrase ends, by language, and answers that are whole by themselves.

``never``: articles, conjunctions, most prepositions, possessives, auxiliaries that want a verb, fillers. ``seldom``:
words that end a phrase now and then ("where are you from"). A word that is wrongly here costs its speaker a second at
each end; one that is missing costs a turn that is taken back unheard. So what ends phrases often is left out: particles
("turn it off"), German and Dutch verbs, Japanese requests. ``answers``: whole in one word.
In Japanese, Chinese and Korean, which are written without spaces or with endings, they are ends of the text.
"""

from __future__ import annotations

from functools import cache

import attrs

_NEVER = {
    "en": (
        "a an the and or but because if although unless whereas whether than as of with into onto my your our"
        " their every each i'm i've i'll i'd you're we're they're he's she's there's what's who's where's let's to"
        " um uh uhm umm er erm hmm gonna wanna between during until till upon toward towards per via being im ive"
    ),
    "de": (
        "der die dem den des ein eine einen einem einer eines und oder aber weil dass daß ob wenn als obwohl"
        " damit denn sondern sowie mein meine meinen meinem meiner dein deine deinen deinem unser unsere unseren"
        " euer jeder jedes dieser diese diesen diesem welche welcher welches für von vom zum zur im am beim ins"
        " ans ohne gegen zwischen während wegen bis seit durch äh ähm hm sowohl weder entweder seine seinen seinem"
        " seiner ihre ihren ihrem"
    ),
    "fr": (
        "le la les un une des du au aux et ou mais car puisque lorsque si de d' l' qu' mon ma mes ton ta tes son"
        " sa ses notre nos votre vos leur leurs ce cet cette ces chaque quelque très sans pour chez vers entre"
        " pendant depuis jusqu'à à en dans euh heu hum je tu j' c' n' qui dont quand comme parce"
    ),
    "es": (
        "el los las un una unos unas y e o u pero porque aunque sino de del al a con sin para por en entre desde"
        " hasta hacia según mi mis tu tus su sus nuestro nuestra nuestros cada muy que cuando si eh ehm mmm quiero"
        " necesito lo"
    ),
    "it": (
        "il lo i gli le un uno una e ed o oppure ma perché benché di del dello della dei degli delle a al allo"
        " alla ai agli alle da dal dallo dalla dai dalle in nel nello nella nei nelle con col per tra fra su sul"
        " sullo sulla senza mio mia miei mie tuo tua suo sua nostro nostra ogni molto che se quando ehm eh uhm"
        " vorrei l' un' dell' all' nell'"
    ),
    "pt": (
        "o os as um uma uns umas e ou mas porque embora de do da dos das em no na nos nas ao à aos às por pelo"
        " pela para com sem entre até desde meu minha meus minhas teu tua seu sua seus suas nosso nossa cada muito"
        " que se quando hum ehm quero preciso"
    ),
    "nl": (
        "de een en of maar omdat want als hoewel terwijl zodat van te mijn jouw onze hun elke ieder iedere deze"
        " welke zonder tegen tussen tijdens sinds tot eh ehm uh uhm"
    ),
    "pl": (
        "i a ale bo ponieważ że żeby jeśli jeżeli gdy kiedy lub albo w we z ze na do od dla przez przy nad pod"
        " przed między bez o u mój moja moje twój twoja nasz nasza każdy bardzo eee yyy hmm chcę chciałbym który"
        " która które"
    ),
    "ru": (
        "и а но или что чтобы если когда потому хотя в во на с со к ко от до из у о об для без при про над под"
        " между через мой моя моё мои твой твоя наш наша каждый очень эм э-э ээ хочу который которая которое"
    ),
    "tr": "ve veya ama fakat çünkü eğer bir çok her ile ki ıı eee",
    "sv": (
        "en ett och eller men att därför eftersom av med till från min mitt mina din ditt dina vår vårt varje eh öh hmm"
    ),
    "ja": "を に で と えーと えっと あの その という ので のに たら なら",
    "zh": "把 被 给 向 从 比 和 跟 与 因为 所以 但是 可是 如果 虽然 而且 或者 然后 嗯 呃",
    "ko": "은 는 을 를 하고 그리고 그런데 그래서 하지만 때문에 에서 으로 저기",
}
_SELDOM = {
    "en": (
        "in at for by about under from after before since when where while which who whose is are was were be"
        " been have has had do does did can will like some what how why his its just even only got get make let"
        " tell give show find remind am might could would should must shall may want needs needed quite very"
        " rather such"
    ),
    "de": (
        "in neben über unter dies wie wo wer wann warum nur dann sag such zeig gib ich möchte keine keinen"
        " keinem kein jede sehr ganz"
    ),
    "fr": "sur sous avec avant après où quoi quel quelle est suis veux voudrais que",
    "es": "la este esta ese esa qué cuál dónde cómo sobre ante bajo",
    "it": "la questo questa quel quella quale dove come sopra sotto è",
    "pt": "a este esta esse essa qual onde como sobre sob é",
    "nl": "wie waar wat hoe wanneer ik jij onder voor zeer heel wil mag zou",
    "pl": "ten ta te jak gdzie co jest po za",
    "ru": "этот эта эти какой какая где как могу по за",
    "tr": "bu şu gibi kadar için en",
    "sv": "i den det de när var vad hur är har kan ska om vill mycket",
    "ja": "は が も や けど けれど より の",
    "zh": "的 在 那个 就是 还是 有 要 想 会 能 也 都 很",
    "ko": "에 로",
}
_ANSWERS = {
    "en": (
        "yes yeah yep yup no nope nah ok okay sure right exactly correct thanks thank-you please stop wait cancel"
        " hello hi hey bye goodbye maybe never always nothing both neither none great good fine perfect continue go-on"
        " never-mind of-course not-really i-don't-know"
    ),
    "de": (
        "ja nein doch genau ok okay klar gut richtig danke bitte stopp stop halt hallo tschüss vielleicht nie immer"
        " nichts beide keiner natürlich weiter egal gerne super"
    ),
    "fr": (
        "oui non si d'accord ok merci stop arrête bonjour salut peut-être jamais toujours rien bien exactement voilà"
        " parfait bien-sûr continue"
    ),
    "es": "sí no vale ok claro gracias para basta hola adiós quizás nunca siempre nada bien exacto perfecto sigue",
    "it": "sì no ok va-bene certo grazie basta ferma ciao forse mai sempre niente bene esatto perfetto continua",
    "pt": "sim não ok claro obrigado obrigada para chega olá tchau talvez nunca sempre nada bem exato perfeito",
    "nl": "ja nee ok oké goed klopt precies dank bedankt stop wacht hallo doei misschien nooit altijd niets prima",
    "pl": "tak nie ok dobrze jasne dziękuję dzięki stop cześć może nigdy zawsze nic świetnie dokładnie",
    "ru": "да нет ок хорошо ладно спасибо стоп привет пока может никогда всегда ничего точно конечно",
    "tr": "evet hayır tamam olur teşekkürler dur merhaba belki asla hiç",
    "sv": "ja nej jo ok okej tack stopp hej kanske aldrig alltid inget precis bra",
    "ja": "はい いいえ うん ううん そうです 違います ありがとう ありがとうございます 止めて ストップ こんにちは",
    "zh": "是 是的 对 好 好的 不 不是 没有 谢谢 停 你好 再见 可以 不用",
    "ko": "네 예 아니요 아니 응 그래 좋아요 고마워 감사합니다 그만 안녕 괜찮아요",
}
_OPENERS = {
    "en": "if when whenever after before unless although though because since while once until whether",
    "de": "wenn falls nachdem bevor weil obwohl sobald während solange ob",
    "fr": "si quand lorsque après puisque quoique",
    "es": "si cuando después aunque porque mientras",
    "it": "se quando dopo sebbene siccome appena",
    "pt": "se quando depois embora porque enquanto",
    "nl": "als wanneer nadat voordat omdat hoewel zodra",
    "pl": "jeśli jeżeli gdy kiedy ponieważ chociaż",
    "ru": "если когда потому хотя пока",
    "sv": "om när eftersom innan medan",
}
_OPEN_PHRASES = {
    "en": (
        "remind me|tell me|show me|give me|let me|get me|send me|find me|like to know|i would like|i'd like|i want"
        "|can you|could you|would you|will you|do you know|i wonder|how about|what about|in order|such as|kind of"
        "|i mean|you know|let's see|for example|tell me about|i was wondering|i think|i guess|instead of|because of"
    ),
    "de": (
        "erinnere mich|sag mir|zeig mir|gib mir|ich möchte|ich hätte gern|kannst du|könntest du|weißt du|ich glaube"
        "|ich denke|zum beispiel|ich meine|wie wäre es|ich frage mich"
    ),
    "fr": "dis moi|dis-moi|montre-moi|donne-moi|rappelle-moi|je voudrais|est-ce que|peux-tu|par exemple|je pense",
    "es": "dime|recuérdame|muéstrame|me gustaría|quisiera saber|puedes|por ejemplo|creo que|me pregunto",
    "it": "dimmi|ricordami|mostrami|mi piacerebbe|vorrei sapere|puoi|per esempio|penso che|mi chiedo",
    "pt": "diga-me|me diga|me lembre|lembra-me|eu gostaria|você pode|por exemplo|eu acho|acho que",
    "nl": "vertel me|herinner me|laat me|ik wil graag|kun je|weet je|bijvoorbeeld|ik denk|ik vraag me af",
}
UNSPACED = frozenset({"ja", "zh", "ko", "yue"})
"""Languages whose tables hold ends of a text, not whole words."""


@attrs.frozen
class WordTable:
    """The words of one language."""

    never: frozenset[str]
    seldom: frozenset[str]
    answers: frozenset[str]
    openers: frozenset[str]
    """A clause that begins with one of these wants another behind it."""
    phrases: tuple[str, ...]
    """What wants something behind it though its last word does not."""


def _words(table: dict[str, str], code: str) -> frozenset[str]:
    # An entry with a hyphen is an answer of several words; among words that end nothing it would mean nothing.
    return frozenset(each.replace("-", " ") for each in table.get(code, "").split())


@cache
def words_of(language: str) -> WordTable | None:
    """Return the table of a language ("en", "de-AT"), or None if there is none."""
    code = language.lower().partition("-")[0]
    if code not in _NEVER:
        return None
    return WordTable(
        never=_words(_NEVER, code),
        seldom=_words(_SELDOM, code),
        answers=_words(_ANSWERS, code),
        openers=frozenset(_OPENERS.get(code, "").split()),
        phrases=tuple(f" {phrase}" for phrase in _OPEN_PHRASES.get(code, "").split("|") if phrase),
    )
