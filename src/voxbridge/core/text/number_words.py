# ruff: noqa: RUF001 - the letters of many languages
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
    "am": NumberWords("ነጥብ", "በመቶ", "እስከ", "ነጥብ", "ሲቀነስ", "ሲደመር", "{h} ሰዓት ከ {m} ደቂቃ", "{h} ሰዓት"),
}  # fmt: skip

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
    "km/u": "speed-kilometer-per-hour", "км/год": "speed-kilometer-per-hour", "мм": "length-millimeter",
}  # fmt: skip
"""Signs of units and their names in Unicode's locale data."""

CURRENCIES = {
    "US$": "USD", "A$": "AUD", "C$": "CAD", "R$": "BRL", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR",
    "₽": "RUB", "₴": "UAH", "₺": "TRY", "₩": "KRW", "₪": "ILS", "zł": "PLN", "USD": "USD", "EUR": "EUR", "GBP": "GBP",
    "CHF": "CHF", "JPY": "JPY",
}  # fmt: skip
