# ruff: noqa: E501, RUF001 - the letters of many languages
"""Words for what is done or heard but not said: stage directions of a model, noises in a transcript.

``deeds`` may have words behind them ("laughs softly"); ``sounds`` stand alone ("applause").
"""

from __future__ import annotations

from functools import cache

_DEEDS = {
    "en": (
        "laughs laughing laughed chuckles chuckling giggles giggling smiles smiling grins grinning smirks"
        " smirking sighs"
        " sighing gasps gasping coughs coughing whispers whispering yawns yawning sniffs sniffles sniffling sobs"
        " sobbing"
        " cries crying clears clearing pauses pausing nods nodding shrugs shrugging winks winking blushes blushing hums"
        " humming groans groaning moans moaning scoffs snorts waves waving bows claps clapping sings singing whistles"
        " whistling exhales inhales breathes breathing blinks frowns gulps mumbles mumbling murmurs snores sneezes"
        " screams shouting shouts slams rustling knocking ringing barking beeping"
    ),
    "de": (
        "lacht lächelt grinst seufzt kichert hustet flüstert gähnt nickt zwinkert winkt räuspert weint schmunzelt zuckt"
        " singt summt stöhnt schluchzt pfeift atmet lachend lächelnd flüsternd seufzend"
    ),
    "fr": (
        "rit rient sourit soupire rigole tousse chuchote bâille pleure hoche chante siffle murmure respire riant"
        " souriant"
    ),
    "es": "ríe ríen sonríe suspira tose susurra bosteza llora asiente guiña canta riendo sonriendo respira solloza",
    "it": "ride ridono sorride sospira tossisce sussurra sbadiglia piange annuisce canta ridendo sorridendo respira",
    "pt": "ri rindo sorri sorrindo suspira tosse sussurra boceja chora acena canta respira",
    "nl": "lacht glimlacht grinnikt zucht hoest fluistert geeuwt gaapt huilt knikt knipoogt zingt lachend",
    "pl": "śmieje uśmiecha wzdycha kaszle szepcze ziewa płacze kiwa śpiewa chichocze mruga",
    "ru": (
        "смеётся смеется смеются улыбается вздыхает кашляет шепчет зевает плачет кивает подмигивает поёт поет хихикает"
        " усмехается шёпотом смеясь"
    ),
    "uk": "сміється сміються усміхається посміхається зітхає кашляє шепоче позіхає плаче киває підморгує співає",
    "tr": "güler gülüyor gülümser gülümsüyor öksürür öksürüyor fısıldar fısıldıyor ağlar ağlıyor esner",
    "hi": "हँसते हंसते हँसता हंसता हँसती हंसती मुस्कुराते मुस्कुराता मुस्कुराती खाँसते रोते",
    "ur": "ہنستے ہنستا ہنستی مسکراتے مسکراتا مسکراتی کھانستے روتے",
    "ar": "يضحك تضحك يبتسم تبتسم يتنهد تتنهد يسعل يهمس تهمس يبكي ضاحكا",
    "he": "צוחק צוחקת מחייך מחייכת נאנח נאנחת משתעל משתעלת לוחש לוחשת בוכה",
    "ko": "웃으며 웃는다 미소지으며 속삭이며 한숨쉬며",
    "am": "እየሳቀ እየሳቀች ሳቀ",
}
_SOUNDS = {
    "en": (
        "laughter applause music silence pause sigh laugh chuckle giggle gasp cough yawn noise static inaudible beep"
        " unintelligible crosstalk whisper sob groan sniff sneeze hum breath breathing footsteps ringing typing"
        " clicking"
        " rings barks chatter indistinct revving siren alarm horn doorbell gunshot explosion meows chirping"
        " cheering cheers blank_audio crying wind typing birds thunder"
    ),
    "de": (
        "gelächter applaus musik stille pause seufzer lachen räuspern husten geräusch geräusche rauschen schweigen"
        " unverständlich klopfen beifall vogelgezwitscher klingeln"
    ),
    "fr": "rires rire applaudissements musique silence pause soupir toux bruit bruits inaudible sonnerie",
    "es": "risas risa aplausos música silencio pausa suspiro tos ruido inaudible timbre",
    "it": "risate risata applausi musica silenzio pausa sospiro tosse rumore rumori incomprensibile squillo",
    "pt": "risos risada aplausos música silêncio pausa suspiro tosse ruído barulho inaudível toque",
    "nl": "gelach applaus muziek stilte pauze zucht hoest geluid ruis onverstaanbaar",
    "pl": "śmiech oklaski brawa muzyka cisza pauza westchnienie kaszel szum hałas niezrozumiałe",
    "ru": "смех аплодисменты музыка тишина пауза вздох кашель шум звонок неразборчиво молчание стук",
    "uk": "сміх оплески музика тиша пауза зітхання кашель шум дзвінок нерозбірливо",
    "tr": "gülüşmeler kahkaha alkış alkışlar müzik sessizlik öksürük gürültü",
    "ja": "笑 笑い 笑う 小声 大声 囁く 囁き ささやき ささやく 囁い ささやい 真剣 泣き 驚い 驚き うなずき うなずい 手を振り 手を振っ 笑顔 微笑む 微笑み 微笑 ため息 咳 拍手 音楽 沈黙 泣く 無音 咳払い 苦笑 爆笑",
    "zh": "笑 轻声 輕聲 小声 小聲 低声 低聲 悄声 悄悄 温柔 溫柔 激动 激動 开心 開心 严肃 嚴肅 点头 點頭 摇头 搖頭 挥手 揮手 惊讶 驚訝 耳语 耳語 大笑 微笑 笑声 笑聲 轻笑 輕笑 叹气 嘆氣 咳嗽 鼓掌 掌声 掌聲 音乐 音樂 沉默 静音 靜音 哭 无声 苦笑",
    "ko": "웃음 미소 한숨 기침 박수 음악 침묵 울음 무음 웃음소리 박수소리",
    "hi": "हँसी हंसी तालियाँ तालियां संगीत मौन खामोशी शोर",
    "ur": "ہنسی قہقہہ تالیاں موسیقی خاموشی شور",
    "ar": "ضحك تصفيق موسيقى صمت ضوضاء سعال تنهد",
    "he": "צחוק מוזיקה שקט מחיאות רעש שיעול",
    "am": "ሳቅ ሙዚቃ ጭብጨባ ዝምታ",
}


_MOODS = {
    "en": (
        "excited excitedly sad sadly happy happily angry angrily curious curiously sarcastic sarcastically cheerful"
        " cheerfully nervous nervously calm calmly soft softly quiet quietly loud loudly warm warmly surprised serious"
        " seriously amused tired bored playful playfully gentle gently thoughtful thoughtfully mischievous mischievously"
        " enthusiastic enthusiastically confident dramatic dramatically hesitant hesitantly shy shyly proud proudly"
        " worried relieved confused frustrated disappointed hopeful grateful sympathetic slowly slow fast deadpan"
        " neutral whispered"
    ),
    "de": (
        "fröhlich traurig aufgeregt wütend ruhig leise laut nachdenklich überrascht sanft ernst nervös begeistert"
        " neugierig sarkastisch müde zögernd glücklich besorgt flüsternd verspielt langsam"
    ),
    "fr": (
        "joyeux joyeuse triste excité excitée calme calmement doucement surpris surprise sérieux sérieuse enthousiaste"
        " curieux curieuse fâché nerveux fatigué ironique tristement joyeusement"
    ),
    "es": (
        "feliz triste emocionado emocionada enojado enojada tranquilo suave suavemente sorprendido sorprendida serio seria"
        " curioso curiosa nervioso cansado alegre alegremente sarcástico"
    ),
    "it": "felice triste emozionato arrabbiato calmo piano dolcemente sorpreso serio curioso nervoso allegro",
    "pt": "feliz triste animado animada zangado calmo suave suavemente surpreso sério curioso nervoso alegre",
}
_VOICES = (" voice", " tone", " pause")


@cache
def moods_of(language: str) -> frozenset[str]:
    """Return how something is said, in brackets in front of it: "excited", "softly", "normal voice"."""
    moods = _of(_MOODS, language)
    ways = ("normal", "soft", "quiet", "deep", "low", "high", "warm", "serious", "cheerful", "calm", "long", "short")
    return moods | {f"{way}{end}" for way in (*ways, "dramatic", "robotic", "excited", "sad") for end in _VOICES}


@cache
def deeds_of(language: str) -> frozenset[str]:
    """Return the verbs of a language and of English, in small letters."""
    return _of(_DEEDS, language)


@cache
def sounds_of(language: str) -> frozenset[str]:
    """Return the nouns of a language and of English, in small letters."""
    return _of(_SOUNDS, language)


@cache
def all_noises() -> frozenset[str]:
    """Return all of them, of all languages."""
    return frozenset(" ".join([*_DEEDS.values(), *_SOUNDS.values()]).split())


def _of(words: dict[str, str], language: str) -> frozenset[str]:
    code = language.lower().partition("-")[0]
    return frozenset(f"{words['en']} {words.get(code, '')}".split())
