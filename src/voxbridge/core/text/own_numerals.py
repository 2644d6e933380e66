# ruff: noqa: SIM905 - lists of words read as text
"""Numbers in words for languages that Unicode's rules do not have, or do not say as people do: Urdu, Amharic."""

from __future__ import annotations

from collections.abc import Callable

_URDU = (
    "صفر ایک دو تین چار پانچ چھ سات آٹھ نو دس گیارہ بارہ تیرہ چودہ پندرہ سولہ سترہ اٹھارہ انیس بیس اکیس بائیس تئیس"
    " چوبیس پچیس چھبیس ستائیس اٹھائیس انتیس تیس اکتیس بتیس تینتیس چونتیس پینتیس چھتیس سینتیس اڑتیس انتالیس چالیس"
    " اکتالیس بیالیس تینتالیس چوالیس پینتالیس چھیالیس سینتالیس اڑتالیس انچاس پچاس اکاون باون ترپن چون پچپن چھپن ستاون"
    " اٹھاون انسٹھ ساٹھ اکسٹھ باسٹھ تریسٹھ چونسٹھ پینسٹھ چھیاسٹھ سڑسٹھ اڑسٹھ انہتر ستر اکہتر بہتر تہتر چوہتر پچہتر"
    " چھہتر ستتر اٹھہتر اناسی اسی اکیاسی بیاسی تراسی چوراسی پچاسی چھیاسی ستاسی اٹھاسی نواسی نوے اکیانوے بانوے ترانوے"
    " چورانوے پچانوے چھیانوے ستانوے اٹھانوے ننانوے"
).split()
_URDU_SCALES = ((10**11, "کھرب"), (10**9, "ارب"), (10**7, "کروڑ"), (10**5, "لاکھ"), (1000, "ہزار"), (100, "سو"))
_AMHARIC = "ዜሮ አንድ ሁለት ሦስት አራት አምስት ስድስት ሰባት ስምንት ዘጠኝ".split()
_AMHARIC_TENS = "አስር ሃያ ሰላሳ አርባ ሃምሳ ስልሳ ሰባ ሰማንያ ዘጠና".split()
_AMHARIC_SCALES = ((10**12, "ትሪሊዮን"), (10**9, "ቢሊዮን"), (10**6, "ሚሊዮን"), (1000, "ሺህ"), (100, "መቶ"))


def _urdu(number: int) -> str:
    for size, name in _URDU_SCALES:
        if number >= size:
            rest = number % size
            return f"{_urdu(number // size)} {name}{f' {_urdu(rest)}' if rest else ''}"
    return _URDU[number]


def _amharic(number: int) -> str:
    for size, name in _AMHARIC_SCALES:
        if number >= size:
            count, rest = divmod(number, size)
            head = name if count == 1 and size <= 1000 else f"{_amharic(count)} {name}"
            return f"{head}{f' {_amharic(rest)}' if rest else ''}"
    if number < 10:
        return _AMHARIC[number]
    tens, rest = divmod(number, 10)
    if tens == 1 and rest:
        return f"አስራ {_AMHARIC[rest]}"
    return f"{_AMHARIC_TENS[tens - 1]}{f' {_AMHARIC[rest]}' if rest else ''}"


OWN: dict[str, Callable[[int], str]] = {"ur": _urdu, "am": _amharic}
"""By language; each takes a number from 0 on."""
