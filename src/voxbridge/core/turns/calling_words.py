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
    it="ehi ciao hey ok okay allora bene senti scusa scusami dai ma e oh ah si no per favore grazie buongiorno "
    "buonasera buonanotte dimmi beh ecco certo pronto",
    pt="ei oi ola hey ok okay entao bom bem olha escuta desculpa desculpe mas e oh ah sim nao por favor obrigado "
    "obrigada boa bom dia tarde noite tchau diz diga claro",
    nl="he hee hey hoi hallo dag ok oke okay nou dus zo ja nee ah oh en maar alsjeblieft zeg luister goed goeie goede "
    "morgen middag avond nacht dank je bedankt sorry kijk kom",
    ja="ねえ ねぇ あの あのう えっと ええと おい もしもし はい うん ok okay ねえねえ おはよう おはようございます "
    "こんにちは こんばんは さて じゃあ では それじゃ すみません ごめん ありがとう おやすみ ヘイ ハイ オーケー",
    zh="嘿 喂 哎 嗨 你好 您好 那 那么 好 好的 好吧 对了 请问 早上好 晚上好 谢谢 謝謝 請問 不好意思",
)
"""What may stand before a name at the start."""

CLOSING = rows(
    en="please thanks thank you then now ok okay right",
    de="bitte danke jetzt ok okay denn mal",
    fr="s'il te plait vous merci maintenant ok",
    es="por favor gracias ahora ok",
    it="per favore grazie ora adesso ok",
    pt="por favor obrigado obrigada agora ok",
    nl="alsjeblieft alstublieft bedankt nu ok oke dan",
)
"""What may follow a name at the end."""

ABOUT_BEFORE = rows(
    en="with about from to for by of at on in like than as and or the a an my your our his her their only "
    "called "
    "named call name tell told ask asked know knew knows see saw met meet love hate use used using against "
    "without is "
    "was be via named miss thank remember mention mentioned said says meant i'm it's that's he's she's name's "
    "also poor little old dear silly clever stupid",
    de="mit von vom zu zur fur uber bei an auf in wie als und oder die der das den dem eine ein einen meine meiner "
    "deine ihre heisst namens frag frage gefragt kenne kennt kennst sah sehe mag liebe ohne gegen nach ist war hat "
    "sagt sagte meint auch arme armer armes kleine kleiner liebe lieber alte alter nur bloss sogar",
    fr="avec de a pour par sur chez comme que et ou la le les l un une ma ta sa notre appelee nommee demande connais "
    "connait vois aime sans contre c'est est etait dit aussi s'appelle m'appelle "
    "t'appelle appelle pauvre petite petit chere cher seulement",
    es="con de a para por sobre como que y o la el las los una un mi tu su llamada llamado conozco conoces "
    "conoce veo "
    "vi quiero sin contra es era dijo dice tambien llama llamo bossa arco pobre "
    "querida querido en entre hacia desde hasta solo",
    it="con di a da in su per tra fra come che e o il la lo le i gli un una uno mia mio tua tuo sua suo nostra "
    "chiamata chiamato si chiama detto ha era contro senza anche povera povero cara caro della del dalla dal alla al "
    "solo dello sulla sul conosco vedo visto",
    pt="com de a para por sobre como que e ou o os as um uma meu minha teu tua seu sua chamada chamado com sem contra "
    "era disse tambem da do na no ao pela pelo conheco vi coitada coitado querida querido chamo chama",
    nl="met over van voor naar bij aan op in als en of de het een mijn jouw zijn haar ons die dat deze zonder tegen is "
    "was heet heette noem noemt genaamd zei zegt ook arme lieve oude aan zie zag ken alleen",
)
"""What makes a name at the end somebody who is spoken about."""

ABOUT_AFTER = rows(
    en="said says told tells thinks thought wants wanted went goes knows knew gave gives made makes came comes got "
    "gets took looks looked seems isn't wasn't hasn't doesn't didn't also always never already just and or "
    "answered asked replied called spoke heard felt found left met won lost ran ate drove bought brought sent "
    "sat stood "
    "became kept won't can't couldn't wouldn't might may must "
    "often usually only even probably",
    de="sagt sagte meint meinte will wollte ging geht weiss wusste gab gibt kam kommt sieht sah auch immer nie "
    "oft schon "
    "und oder die der welche antwortet antwortete fragte heisst hiess wohnt spricht findet fand macht kennt mag "
    "braucht",
    fr="dit disait pense pensait veut voulait va allait sait savait donne vient vint semble aussi toujours "
    "jamais souvent et ou repond fait faisait prend "
    "habite connait croit n'a n'est s'est m'a t'a l'a n'etait ne",
    es="dice dijo piensa pensaba quiere queria va iba sabe sabia da dio viene vino parece tambien y o "
    "responde hizo decia estaba estuvo tuvo vive trabaja cree "
    "creia llego salio gusta contesto respondio suele siempre nunca casi",
    it="ha dice diceva pensa pensava vuole voleva va andava sa sapeva da viene veniva sembra anche e o disse fece "
    "rispose risponde crede parla parlava sta stava non sempre mai spesso fa faceva aveva abita lavora",
    pt="disse diz dizia pensa pensava quer queria vai foi ia sabe sabia deu vem veio parece tambem e ou fez respondeu "
    "responde acha achava fala falou tem tinha nao sempre nunca mora trabalha estava ficou",
    nl="zei zegt denkt dacht wil wilde gaat ging weet wist geeft gaf komt kwam lijkt ook altijd nooit en of maakt "
    "maakte vindt vond antwoordt antwoordde spreekt sprak woont vroeg houdt",
    ja="は が の も と を に へ って とか",
    zh="说 說 的 是 和 跟 给 給 也 很 都 就 了 刚 剛 把 被 觉得 覺得 认为 認為 告诉 告訴 问 問 回答 真 不知道 又 "
    "已经 已經 总是 總是",
)
"""What makes a name at the start somebody who is spoken about."""

ASKING = rows(
    en="is was are were has had can could will would does did should",
    de="ist war hat hatte kann konnte wird wurde soll sollte darf muss",
    fr="est etait a avait sera peut pouvait doit devrait serait va",
    es="es era fue esta ha habia sera tiene tenia puede podia debe hace",
    it="e era puo poteva deve dovrebbe sara",
    pt="e era esta pode podia deve sera",
    nl="is was heeft had kan kon zal zou wordt werd moet mag",
)
"""Verbs that ask if a subject follows, and tell of the name before them if not."""

SUBJECTS = rows(
    en="it that this there he she they we you i the a an my your our his her their these those anybody anyone "
    "somebody "
    "someone everybody everyone",
    de="es das dies dieser diese der die ein eine er sie wir ihr du ich man mein meine dein deine unser jemand",
    fr="ce il elle on tu vous je nous t",
    nl="het dat dit er hij zij ze we wij je jij jullie ik de een iemand mijn jouw",
)
"""What follows such a verb in a question."""

ASKED = rows(
    en="you i we there", de="du ich wir ihr", fr="ce il elle on tu vous je nous t", nl="je jij jullie ik we wij"
)
"""Of these, what follows it in a question that ends with a full stop: "can you tell me a joke."."""

RELATIVE = rows(en="who", fr="qui", es="que quien", it="che chi", pt="que quem", nl="die wie")
"""What goes on about somebody, or asks: "Iris who lives here ...", "Iris who won"."""

VERB_PARTICLES = rows(
    fr="me te se nous vous lui leur y en", es="me te se nos os le les lo la no", it="mi ti si ci vi gli le lo la"
)
"""What may stand between a name and the verb that tells of it: "Nova me dijo"."""

UNSPACED_BEFORE = (
    *"问問和跟给給对對找叫用让讓把被像是请請见見",
    *("告诉", "告訴", "喜欢", "喜歡", "讨厌", "討厭", "认识", "認識", "关于", "關於", "相信", "感谢", "感謝"),
)
"""What makes a name at the end of a Chinese text somebody who is spoken about."""

TITLES = ("さん", "ちゃん", "くん", "君", "さま", "様", "せんせい", "先生")
"""What is put behind a name in Japanese."""
