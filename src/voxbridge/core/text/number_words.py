# ruff: noqa: E501, RUF001 - tables, a language a line; the letters of many languages
"""What people say round numbers, by language, where the locale data of Babel has no word for it."""

from __future__ import annotations

import attrs


@attrs.frozen
class NumberWords:
    """The words of one language. ``hour``: a clock's time, with {h} and {m}; ``full`` one without minutes."""

    point: str
    percent: str
    to: str
    dot: str
    minus: str
    plus: str
    hour: str
    full: str
    groups: str = ","
    """What stands between thousands; the other of "." and "," is the decimal mark."""
    percent_first: bool = False
    day_first: bool = True
    dollars: tuple[str, str] = ("", "")
    euros: tuple[str, str] = ("", "")
    pounds: tuple[str, str] = ("", "")
    cents: tuple[str, str] = ("", "")
    joint: str = ""
    """Between the money and its cents."""


WORDS = {
    "en": NumberWords(
        "point", "percent", "to", "dot", "minus", "plus", "{h} {m}", "{h} o'clock", day_first=False,
        dollars=("dollar", "dollars"), euros=("euro", "euros"), pounds=("pound", "pounds"), cents=("cent", "cents"),
        joint=" and ",
    ),
    "de": NumberWords(
        "Komma", "Prozent", "bis", "Punkt", "minus", "plus", "{h} Uhr {m}", "{h} Uhr", ".",
        dollars=("Dollar", "Dollar"), euros=("Euro", "Euro"), pounds=("Pfund", "Pfund"), cents=("Cent", "Cent"),
        joint=" und ",
    ),
    "es": NumberWords(
        "coma", "por ciento", "a", "punto", "menos", "más", "{h} y {m}", "{h} en punto", ".",
        dollars=("dólar", "dólares"), euros=("euro", "euros"), pounds=("libra", "libras"),
        cents=("céntimo", "céntimos"), joint=" con ",
    ),
    "fr": NumberWords(
        "virgule", "pour cent", "à", "point", "moins", "plus", "{h} heures {m}", "{h} heures", " ",
        dollars=("dollar", "dollars"), euros=("euro", "euros"), pounds=("livre", "livres"),
        cents=("centime", "centimes"), joint=" et ",
    ),
    "it": NumberWords(
        "virgola", "per cento", "a", "punto", "meno", "più", "{h} e {m}", "{h} in punto", ".",
        dollars=("dollaro", "dollari"), euros=("euro", "euro"), pounds=("sterlina", "sterline"),
        cents=("centesimo", "centesimi"), joint=" e ",
    ),
    "pt": NumberWords(
        "vírgula", "por cento", "a", "ponto", "menos", "mais", "{h} e {m}", "{h} horas", ".",
        dollars=("dólar", "dólares"), euros=("euro", "euros"), pounds=("libra", "libras"),
        cents=("centavo", "centavos"), joint=" e ",
    ),
    "nl": NumberWords(
        "komma", "procent", "tot", "punt", "min", "plus", "{h} uur {m}", "{h} uur", ".",
        dollars=("dollar", "dollar"), euros=("euro", "euro"), pounds=("pond", "pond"), cents=("cent", "cent"),
        joint=" en ",
    ),
    "pl": NumberWords("przecinek", "procent", "do", "kropka", "minus", "plus", "{h} {m}", "{h} zero zero", " "),
    "ru": NumberWords("запятая", "процентов", "до", "точка", "минус", "плюс", "{h} {m}", "{h} ноль ноль", " "),
    "uk": NumberWords("кома", "відсотків", "до", "крапка", "мінус", "плюс", "{h} {m}", "{h} нуль нуль", " "),
    "tr": NumberWords("virgül", "yüzde", "ile", "nokta", "eksi", "artı", "{h} {m}", "{h}", ".", percent_first=True),
    "ja": NumberWords("点", "パーセント", "から", "点", "マイナス", "プラス", "{h}時{m}分", "{h}時"),
    "zh": NumberWords("点", "百分之", "到", "点", "负", "加", "{h}点{m}分", "{h}点", percent_first=True),
    "ko": NumberWords("점", "퍼센트", "에서", "점", "마이너스", "플러스", "{h}시 {m}분", "{h}시"),
    "hi": NumberWords("दशमलव", "प्रतिशत", "से", "डॉट", "माइनस", "प्लस", "{h} बजकर {m} मिनट", "{h} बजे"),
    "ar": NumberWords("فاصلة", "بالمئة", "إلى", "نقطة", "ناقص", "زائد", "{h} و {m} دقيقة", "{h}"),
    "he": NumberWords("נקודה", "אחוז", "עד", "נקודה", "מינוס", "פלוס", "{h} ו {m} דקות", "{h}"),
    "ur": NumberWords("اعشاریہ", "فیصد", "سے", "ڈاٹ", "منفی", "جمع", "{h} بج کر {m} منٹ", "{h} بجے"),
    "sv": NumberWords("komma", "procent", "till", "punkt", "minus", "plus", "{h} {m}", "{h}", " "),
    "da": NumberWords("komma", "procent", "til", "punktum", "minus", "plus", "{h} {m}", "{h}", "."),
    "nb": NumberWords("komma", "prosent", "til", "punktum", "minus", "pluss", "{h} {m}", "{h}", " "),
    "fi": NumberWords("pilkku", "prosenttia", "viiva", "piste", "miinus", "plus", "{h} {m}", "{h}", " "),
    "cs": NumberWords("celá", "procent", "až", "tečka", "minus", "plus", "{h} {m}", "{h} hodin", " "),
    "sk": NumberWords("celá", "percent", "až", "bodka", "mínus", "plus", "{h} {m}", "{h} hodín", " "),
    "el": NumberWords("κόμμα", "τοις εκατό", "έως", "τελεία", "μείον", "συν", "{h} και {m}", "{h}", "."),
    "hu": NumberWords("egész", "százalék", "", "pont", "mínusz", "plusz", "{h} óra {m}", "{h} óra", " "),
    "ro": NumberWords("virgulă", "la sută", "până la", "punct", "minus", "plus", "{h} și {m}", "{h}", "."),
    "bg": NumberWords("цяло и", "процента", "до", "точка", "минус", "плюс", "{h} и {m}", "{h}", " "),
    "hr": NumberWords("zarez", "posto", "do", "točka", "minus", "plus", "{h} i {m}", "{h}", "."),
    "sl": NumberWords("vejica", "odstotkov", "do", "pika", "minus", "plus", "{h} {m}", "{h}", "."),
    "et": NumberWords("koma", "protsenti", "kuni", "punkt", "miinus", "pluss", "{h} {m}", "{h}", " "),
    "lv": NumberWords("komats", "procenti", "līdz", "punkts", "mīnus", "plus", "{h} {m}", "{h}", " "),
    "lt": NumberWords("kablelis", "procentų", "iki", "taškas", "minus", "plius", "{h} {m}", "{h}", " "),
    "ca": NumberWords("coma", "per cent", "a", "punt", "menys", "més", "{h} i {m}", "{h} en punt", "."),
    "vi": NumberWords("phẩy", "phần trăm", "đến", "chấm", "âm", "cộng", "{h} giờ {m}", "{h} giờ", "."),
    "id": NumberWords("koma", "persen", "sampai", "titik", "minus", "plus", "{h} {m}", "{h}", "."),
    "ms": NumberWords("perpuluhan", "peratus", "hingga", "titik", "negatif", "tambah", "{h} {m}", "{h}"),
    "th": NumberWords("จุด", "เปอร์เซ็นต์", "ถึง", "จุด", "ลบ", "บวก", "{h} นาฬิกา {m} นาที", "{h} นาฬิกา"),
    "fa": NumberWords("ممیز", "درصد", "تا", "نقطه", "منفی", "مثبت", "{h} و {m} دقیقه", "{h}"),
    "sw": NumberWords("nukta", "asilimia", "hadi", "nukta", "hasi", "jumlisha", "{h} na {m}", "{h}", percent_first=True),
    "am": NumberWords("ነጥብ", "በመቶ", "እስከ", "ነጥብ", "ሲቀነስ", "ሲደመር", "{h} ሰዓት ከ {m} ደቂቃ", "{h} ሰዓት"),
}  # fmt: skip
WORDS["no"] = WORDS["nb"]

FRACTIONS = {
    "de": "ein halb, ein Drittel, zwei Drittel, ein Viertel, drei Viertel",
    "fr": "un demi, un tiers, deux tiers, un quart, trois quarts",
    "es": "un medio, un tercio, dos tercios, un cuarto, tres cuartos",
    "it": "un mezzo, un terzo, due terzi, un quarto, tre quarti",
    "pt": "meio, um terço, dois terços, um quarto, três quartos",
    "nl": "een half, een derde, twee derde, een kwart, drie kwart",
    "pl": "jedna druga, jedna trzecia, dwie trzecie, jedna czwarta, trzy czwarte",
    "ru": "одна вторая, одна треть, две трети, одна четверть, три четверти",
    "uk": "одна друга, одна третина, дві третини, одна чверть, три чверті",
    "tr": "yarım, üçte bir, üçte iki, dörtte bir, dörtte üç",
    "hi": "आधा, एक तिहाई, दो तिहाई, एक चौथाई, तीन चौथाई",
    "ur": "آدھا, ایک تہائی, دو تہائی, ایک چوتھائی, تین چوتھائی",
    "ar": "نصف, ثلث, ثلثان, ربع, ثلاثة أرباع",
    "he": "חצי, שליש, שני שליש, רבע, שלושה רבעים",
    "sv": "en halv, en tredjedel, två tredjedelar, en fjärdedel, tre fjärdedelar",
    "da": "en halv, en tredjedel, to tredjedele, en fjerdedel, tre fjerdedele",
    "nb": "en halv, en tredjedel, to tredjedeler, en fjerdedel, tre fjerdedeler",
}
FRACTION_KEYS = ((1, 2), (1, 3), (2, 3), (1, 4), (3, 4))
MANY_TIMES = {
    "en": "times", "de": "mal", "fr": "fois", "es": "veces", "it": "volte", "pt": "vezes", "nl": "keer", "sv": "gånger",
}  # fmt: skip

LOCAL_MONEY = {
    "ru": {
        "₽": ("рубль/рубля/рублей", "копейка/копейки/копеек"),
        "руб.": ("рубль/рубля/рублей", "копейка/копейки/копеек"),
    },
    "uk": {
        "₴": ("гривня/гривні/гривень", "копійка/копійки/копійок"),
        "грн": ("гривня/гривні/гривень", "копійка/копійки/копійок"),
    },
    "pl": {"zł": ("złoty/złote/złotych", "grosz/grosze/groszy")},
    "cs": {"Kč": ("koruna/koruny/korun", "haléř/haléře/haléřů")},
    "tr": {"₺": ("lira", "kuruş"), "TL": ("lira", "kuruş")},
    "pt": {"R$": ("real/reais", "centavo/centavos")},
    "hi": {"₹": ("रुपया/रुपये", "पैसा/पैसे")},
    "zh": {"¥": ("元", "")},
    "ja": {"¥": ("円", "")},
    "ko": {"₩": ("원", "")},
    "sv": {"kr": ("krona/kronor", "öre")},
    "da": {"kr": ("krone/kroner", "øre")},
    "nb": {"kr": ("krone/kroner", "øre")},
    "hu": {"Ft": ("forint", "")},
    "en": {"¢": ("cent/cents", ""), "₹": ("rupee/rupees", "paisa/paise")},
}
UNITS = {
    "km/h": "speed-kilometer-per-hour", "kmh": "speed-kilometer-per-hour", "km": "length-kilometer",
    "mph": "speed-mile-per-hour", "m/s": "speed-meter-per-second", "cm": "length-centimeter", "mm": "length-millimeter",
    "°C": "temperature-celsius", "° C": "temperature-celsius", "℃": "temperature-celsius",
    "°F": "temperature-fahrenheit", "℉": "temperature-fahrenheit", "°": "angle-degree",
    "kg": "mass-kilogram", "mg": "mass-milligram", "g": "mass-gram", "lb": "mass-pound", "lbs": "mass-pound",
    "oz": "mass-ounce", "ml": "volume-milliliter", "l": "volume-liter", "L": "volume-liter",
    "m": "length-meter", "ft": "length-foot", "m²": "area-square-meter", "m³": "volume-cubic-meter",
    "km²": "area-square-kilometer", "kB": "digital-kilobyte", "KB": "digital-kilobyte", "MB": "digital-megabyte",
    "GB": "digital-gigabyte", "TB": "digital-terabyte", "Hz": "frequency-hertz", "kHz": "frequency-kilohertz",
    "MHz": "frequency-megahertz", "GHz": "frequency-gigahertz", "W": "power-watt", "kW": "power-kilowatt",
    "kWh": "energy-kilowatt-hour", "V": "electric-volt", "ms": "duration-millisecond", "s": "duration-second",
    "min": "duration-minute", "h": "duration-hour", "kcal": "energy-kilocalorie", "hPa": "pressure-hectopascal",
    "км": "length-kilometer", "км/ч": "speed-kilometer-per-hour", "кг": "mass-kilogram", "см": "length-centimeter",
    "mL": "volume-milliliter", "cl": "volume-centiliter", "dl": "volume-deciliter", "µg": "mass-microgram",
    "μg": "mass-microgram", "µm": "length-micrometer", "nm": "length-nanometer", "cm²": "area-square-centimeter",
    "cm³": "volume-cubic-centimeter", "ft²": "area-square-foot", "ha": "area-hectare", "yd": "length-yard",
    "mi": "length-mile", "mi²": "area-square-mile", "m/s²": "acceleration-meter-per-square-second",
    "mmHg": "pressure-millimeter-ofhg", "kPa": "pressure-kilopascal", "mbar": "pressure-millibar",
    "bar": "pressure-bar", "psi": "pressure-pound-force-per-square-inch", "MW": "power-megawatt",
    "GW": "power-gigawatt", "mA": "electric-milliampere", "kJ": "energy-kilojoule", "µs": "duration-microsecond",
    "ns": "duration-nanosecond", "tbsp": "volume-tablespoon", "tsp": "volume-teaspoon", "PB": "digital-petabyte",
    "Mbit": "digital-megabit", "Gbit": "digital-gigabit", "kbit": "digital-kilobit", "MiB": "digital-megabyte",
    "GiB": "digital-gigabyte", "kbit/s": "digital-kilobit/second", "kbps": "digital-kilobit/second",
    "Mbit/s": "digital-megabit/second", "Mbps": "digital-megabit/second", "Mb/s": "digital-megabit/second",
    "Gbit/s": "digital-gigabit/second", "Gbps": "digital-gigabit/second", "Gb/s": "digital-gigabit/second",
    "kB/s": "digital-kilobyte/second", "KB/s": "digital-kilobyte/second", "MB/s": "digital-megabyte/second",
    "GB/s": "digital-gigabyte/second", "TB/s": "digital-terabyte/second", "km/s": "length-kilometer/second",
    "cm/s": "length-centimeter/second", "l/min": "volume-liter/minute", "L/min": "volume-liter/minute",
    "mg/kg": "mass-milligram/mass-kilogram", "g/l": "mass-gram/volume-liter", "mg/l": "mass-milligram/volume-liter",
    "mg/dl": "mass-milligram/volume-deciliter", "mg/dL": "mass-milligram/volume-deciliter",
    "г": "mass-gram", "мл": "volume-milliliter", "МБ": "digital-megabyte", "ГБ": "digital-gigabyte",
    "кВт": "power-kilowatt", "м/с": "speed-meter-per-second", "км²": "area-square-kilometer", "м²": "area-square-meter",
    "km/u": "speed-kilometer-per-hour", "км/год": "speed-kilometer-per-hour", "мм": "length-millimeter",
}  # fmt: skip
"""Signs of units and their names in Unicode's locale data; with a slash, one for each of another."""

CURRENCIES = {
    "US$": "USD", "A$": "AUD", "C$": "CAD", "R$": "BRL", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR",
    "₽": "RUB", "₴": "UAH", "₺": "TRY", "₩": "KRW", "₪": "ILS", "zł": "PLN", "USD": "USD", "EUR": "EUR", "GBP": "GBP",
    "CHF": "CHF", "JPY": "JPY", "руб.": "RUB", "грн": "UAH", "TL": "TRY", "Kč": "CZK", "Ft": "HUF", "kr": "SEK", "¢": "USD",
}  # fmt: skip
