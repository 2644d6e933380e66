# ruff: noqa: RUF001 - the letters of many languages
"""What the bridge itself says in an answer, by language: for code that is left out, for marks of mathematics."""

from __future__ import annotations

import attrs


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@attrs.frozen
class Words:
    """The words of one language."""

    code: str
    less: str
    more: str
    at_most: str
    at_least: str
    unequal: str
    about: str
    times: str
    divided: str
    plus: str
    minus: str
    plus_minus: str
    equals: str
    squared: str
    cubed: str
    power: str
    root: str
    over: str
    dangling: frozenset[str] = attrs.field(converter=_words)
    """Words that cannot stand before nothing: an emoji behind one of them is the word that is meant."""


_ENGLISH = Words(
    "Code omitted.", "less than", "more than", "at most", "at least", "not equal to", "about", "times", "divided by",
    "plus", "minus", "plus or minus", "equals", "squared", "cubed", "to the power of", "the square root of", "over",
    "and or with a an the of my your our his her their some no for in to from love like want eat drink on at by this"
    " that",
)  # fmt: skip
_LANGUAGES = {
    "en": _ENGLISH,
    "de": Words(
        "Code ausgelassen.", "weniger als", "mehr als", "höchstens", "mindestens", "ungleich", "etwa", "mal",
        "geteilt durch", "plus", "minus", "plus minus", "gleich", "zum Quadrat", "hoch drei", "hoch", "die Wurzel aus",
        "durch",
        "und oder mit ein eine einen einem der die das den dem mein meine dein deine von für in zu aus liebe mag",
    ),
    "es": Words(
        "Código omitido.", "menos de", "más de", "como máximo", "al menos", "distinto de", "unos", "por", "entre",
        "más",
        "menos", "más menos", "igual a", "al cuadrado", "al cubo", "elevado a", "la raíz cuadrada de", "sobre",
        "y e o u con un una el la los las de mi tu su para en a por sin como quiero amo",
    ),
    "fr": Words(
        "Code omis.", "moins de", "plus de", "au plus", "au moins", "différent de", "environ", "fois", "divisé par",
        "plus", "moins", "plus ou moins", "égale", "au carré", "au cube", "puissance", "la racine carrée de", "sur",
        "et ou avec un une le la les de du des mon ma ton ta son sa pour en à dans sans aime veux",
    ),
    "it": Words(
        "Codice omesso.", "meno di", "più di", "al massimo", "almeno", "diverso da", "circa", "per", "diviso", "più",
        "meno", "più o meno", "uguale a", "al quadrato", "al cubo", "alla", "la radice quadrata di", "su",
        "e o con un una il lo la i gli le di del mio tuo suo per in a da senza amo voglio",
    ),
    "pt": Words(
        "Código omitido.", "menos de", "mais de", "no máximo", "pelo menos", "diferente de", "cerca de", "vezes",
        "dividido por", "mais", "menos", "mais ou menos", "igual a", "ao quadrado", "ao cubo", "elevado a",
        "a raiz quadrada de", "sobre", "e ou com um uma o a os as de do da meu minha seu para em sem amo quero",
    ),
    "nl": Words(
        "Code weggelaten.", "minder dan", "meer dan", "hoogstens", "minstens", "niet gelijk aan", "ongeveer", "keer",
        "gedeeld door", "plus", "min", "plus of min", "is", "kwadraat", "tot de derde", "tot de macht",
        "de wortel uit", "gedeeld door", "en of met een de het van mijn jouw voor in naar zonder",
    ),
    "pl": Words(
        "Kod pominięto.", "mniej niż", "więcej niż", "najwyżej", "co najmniej", "różne od", "około", "razy",
        "podzielić przez", "plus", "minus", "plus minus", "równa się", "do kwadratu", "do sześcianu", "do potęgi",
        "pierwiastek z", "przez", "i a lub albo z ze w na do od dla bez mój moja twój kocham lubię",
    ),
    "ru": Words(
        "Код пропущен.", "меньше", "больше", "не больше", "не меньше", "не равно", "примерно", "умножить на",
        "разделить на", "плюс", "минус", "плюс-минус", "равно", "в квадрате", "в кубе", "в степени", "корень из",
        "делить на", "и а или с со в на к от для без мой моя твой люблю хочу",
    ),
    "uk": Words(
        "Код пропущено.", "менше", "більше", "не більше", "не менше", "не дорівнює", "приблизно", "помножити на",
        "поділити на", "плюс", "мінус", "плюс-мінус", "дорівнює", "у квадраті", "у кубі", "у степені", "корінь з",
        "поділити на", "і й та або з зі в у на до від для без мій моя твій люблю",
    ),
    "tr": Words(
        "Kod atlandı.", "altında", "üzerinde", "en çok", "en az", "eşit değil", "yaklaşık", "çarpı", "bölü", "artı",
        "eksi", "artı eksi", "eşittir", "kare", "küp", "üzeri", "karekök", "bölü", "ve veya ile bir benim senin için",
    ),
    "ja": Words(
        "コードは省略します。", "未満", "超", "以下", "以上", "等しくない", "約", "かける", "割る", "足す", "マイナス",
        "プラスマイナス", "イコール", "の二乗", "の三乗", "の", "ルート", "割る", "と や の",
    ),
    "zh": Words(
        "代码已省略。", "小于", "大于", "不超过", "至少", "不等于", "大约", "乘以", "除以", "加", "减", "正负", "等于",
        "的平方", "的立方", "的次方", "根号", "除以", "和 与 的 跟 爱 吃 喝",
    ),
    "ko": Words(
        "코드는 생략합니다.", "미만", "초과", "이하", "이상", "같지 않음", "약", "곱하기", "나누기", "더하기",
        "마이너스",
        "플러스마이너스", "는", "제곱", "세제곱", "의 거듭제곱", "루트", "나누기", "와 과 그리고 또는",
    ),
    "hi": Words(
        "कोड छोड़ा गया।", "से कम", "से ज़्यादा", "अधिकतम", "कम से कम", "बराबर नहीं", "लगभग", "गुणा", "भाग", "जमा",
        "घटा",
        "जमा घटा", "बराबर", "का वर्ग", "का घन", "की घात", "का वर्गमूल", "बटा", "और या एक मेरा मेरी",
    ),
    "ur": Words(
        "کوڈ چھوڑ دیا گیا۔", "سے کم", "سے زیادہ", "زیادہ سے زیادہ", "کم از کم", "برابر نہیں", "تقریباً", "ضرب", "تقسیم",
        "جمع", "منفی", "جمع منفی", "برابر", "کا مربع", "کا مکعب", "کی قوت", "کا جذر", "بٹا", "اور یا ایک میرا میری",
    ),
    "ar": Words(
        "تم حذف الشيفرة.", "أقل من", "أكثر من", "على الأكثر", "على الأقل", "لا يساوي", "حوالي", "ضرب", "على", "زائد",
        "ناقص", "زائد أو ناقص", "يساوي", "تربيع", "تكعيب", "أس", "جذر", "على", "و أو مع من في إلى",
    ),
    "he": Words(
        "הקוד הושמט.", "פחות מ-", "יותר מ-", "לכל היותר", "לפחות", "לא שווה ל-", "בערך", "כפול", "חלקי", "פלוס",
        "מינוס",
        "פלוס מינוס", "שווה", "בריבוע", "בשלישית", "בחזקת", "שורש", "חלקי", "או עם של את",
    ),
    "am": Words(
        "ኮዱ ተዘሏል።", "በታች", "በላይ", "ቢበዛ", "ቢያንስ", "እኩል አይደለም", "ወደ", "ሲባዛ በ", "ሲካፈል ለ", "ሲደመር", "ሲቀነስ",
        "ሲደመር ወይም ሲቀነስ", "እኩል ነው", "ስኩዌር", "ኩብ", "ፓወር", "ስኩዌር ሩት", "ሲካፈል ለ", "እና ወይም ጋር",
    ),
    "sv": Words(
        "Kod utelämnad.", "mindre än", "mer än", "högst", "minst", "inte lika med", "ungefär", "gånger", "delat med",
        "plus", "minus", "plus minus", "är lika med", "i kvadrat", "i kubik", "upphöjt till", "roten ur", "genom",
        "och eller med en ett min din av för i till",
    ),
    "da": Words(
        "Kode udeladt.", "mindre end", "mere end", "højst", "mindst", "ikke lig med", "cirka", "gange", "divideret med",
        "plus", "minus", "plus minus", "er lig med", "i anden", "i tredje", "opløftet til", "kvadratroden af", "over",
        "og eller med en et min din af for i til",
    ),
    "nb": Words(
        "Kode utelatt.", "mindre enn", "mer enn", "høyst", "minst", "ikke lik", "omtrent", "ganger", "delt på", "pluss",
        "minus", "pluss minus", "er lik", "i andre", "i tredje", "opphøyd i", "kvadratroten av", "delt på",
        "og eller med en et min din av for i til",
    ),
    "fi": Words(
        "Koodi jätetty pois.", "alle", "yli", "enintään", "vähintään", "eri kuin", "noin", "kertaa", "jaettuna", "plus",
        "miinus", "plus miinus", "on yhtä kuin", "toiseen", "kolmanteen", "potenssiin", "neliöjuuri", "jaettuna",
        "ja tai",
    ),
    "cs": Words(
        "Kód vynechán.", "méně než", "více než", "nejvýše", "nejméně", "nerovná se", "asi", "krát", "děleno", "plus",
        "minus", "plus minus", "rovná se", "na druhou", "na třetí", "na", "odmocnina z", "lomeno",
        "a nebo s v na do od pro",
    ),
    "el": Words(
        "Ο κώδικας παραλείπεται.", "λιγότερο από", "περισσότερο από", "το πολύ", "τουλάχιστον", "διάφορο του",
        "περίπου",
        "επί", "διά", "συν", "πλην", "συν πλην", "ίσον", "στο τετράγωνο", "στον κύβο", "εις την",
        "τετραγωνική ρίζα του",
        "διά", "και ή με ένα μια το ο η του",
    ),
    "hu": Words(
        "A kód kimaradt.", "kevesebb mint", "több mint", "legfeljebb", "legalább", "nem egyenlő", "körülbelül", "szor",
        "osztva", "plusz", "mínusz", "plusz mínusz", "egyenlő", "a négyzeten", "a köbön", "a hatványon", "négyzetgyök",
        "per", "és vagy egy a az",
    ),
    "ro": Words(
        "Cod omis.", "mai puțin de", "mai mult de", "cel mult", "cel puțin", "diferit de", "aproximativ", "ori",
        "împărțit la", "plus", "minus", "plus minus", "egal", "la pătrat", "la cub", "la puterea", "radical din",
        "supra",
        "și sau cu un o de la în",
    ),
    "vi": Words(
        "Đã bỏ qua mã.", "nhỏ hơn", "lớn hơn", "nhiều nhất", "ít nhất", "khác", "khoảng", "nhân", "chia", "cộng", "trừ",
        "cộng trừ", "bằng", "bình phương", "lập phương", "mũ", "căn bậc hai của", "trên", "và hoặc với một của",
    ),
    "id": Words(
        "Kode dilewati.", "kurang dari", "lebih dari", "paling banyak", "paling sedikit", "tidak sama dengan",
        "sekitar",
        "kali", "dibagi", "tambah", "minus", "plus minus", "sama dengan", "kuadrat", "pangkat tiga", "pangkat",
        "akar dari", "per", "dan atau dengan sebuah untuk di ke dari",
    ),
}  # fmt: skip
_LANGUAGES["no"] = _LANGUAGES["nb"]


def words_of(language: str) -> Words:
    """Return those of a language (``de`` for ``de-AT``), of English for one that is not known."""
    return _LANGUAGES.get(language.lower().partition("-")[0], _ENGLISH)


_CALLOUTS = {
    "en": "Note:, Tip:, Important:, Warning:, Caution:, Info:, Danger:",
    "de": "Hinweis:, Tipp:, Wichtig:, Warnung:, Vorsicht:, Info:, Gefahr:",
    "fr": "Remarque :, Astuce :, Important :, Avertissement :, Attention :, Info :, Danger :",
    "es": "Nota:, Consejo:, Importante:, Advertencia:, Precaución:, Información:, Peligro:",
    "it": "Nota:, Consiglio:, Importante:, Avviso:, Attenzione:, Informazione:, Pericolo:",
    "pt": "Nota:, Dica:, Importante:, Aviso:, Cuidado:, Informação:, Perigo:",
    "nl": "Opmerking:, Tip:, Belangrijk:, Waarschuwing:, Let op:, Info:, Gevaar:",
    "pl": "Uwaga:, Wskazówka:, Ważne:, Ostrzeżenie:, Ostrożnie:, Informacja:, Niebezpieczeństwo:",
    "ru": "Примечание:, Совет:, Важно:, Предупреждение:, Осторожно:, Информация:, Опасно:",
    "uk": "Примітка:, Порада:, Важливо:, Попередження:, Обережно:, Інформація:, Небезпечно:",
    "tr": "Not:, İpucu:, Önemli:, Uyarı:, Dikkat:, Bilgi:, Tehlike:",
    "ja": "メモ：, ヒント：, 重要：, 警告：, 注意：, 情報：, 危険：",
    "zh": "注意：, 提示：, 重要：, 警告：, 小心：, 信息：, 危险：",
    "ko": "참고:, 팁:, 중요:, 경고:, 주의:, 정보:, 위험:",
    "hi": "ध्यान दें:, सुझाव:, महत्वपूर्ण:, चेतावनी:, सावधानी:, जानकारी:, खतरा:",
    "ur": "نوٹ:, مشورہ:, اہم:, انتباہ:, احتیاط:, معلومات:, خطرہ:",
    "ar": "ملاحظة:, نصيحة:, مهم:, تحذير:, تنبيه:, معلومة:, خطر:",
}
_KINDS = ("note", "tip", "important", "warning", "caution", "info", "danger")


def callout_of(kind: str, language: str) -> str:
    """Return what is said at the head of a callout (``> [!NOTE]``) of this kind; nothing where we have no word."""
    said = dict(zip(_KINDS, _CALLOUTS.get(language.lower().partition("-")[0], "").split(", "), strict=False))
    return said.get(kind.lower(), f"{kind.capitalize()}:" if language[:2].lower() == "en" else "")


# What "<" and ">" are called between two things; in front of one they are "less than", "more than".
_RELATIONS = {
    "en": ("is less than", "is greater than"),
    "de": ("ist kleiner als", "ist größer als"),
    "es": ("es menor que", "es mayor que"),
    "fr": ("est inférieur à", "est supérieur à"),
    "it": ("è minore di", "è maggiore di"),
    "pt": ("é menor que", "é maior que"),
    "nl": ("is kleiner dan", "is groter dan"),
    "pl": ("jest mniejsze niż", "jest większe niż"),
}


def relations_of(language: str) -> tuple[str, str]:
    """Return what is said for "<" and ">" between two things."""
    words = words_of(language)
    return _RELATIONS.get(language.lower().partition("-")[0], (words.less, words.more))
