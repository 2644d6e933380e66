"""Amounts of money as people say them."""

from __future__ import annotations

import re
from decimal import Decimal

from voxbridge.core.text.figures import Figures
from voxbridge.core.text.number_patterns import SCALES
from voxbridge.core.text.number_words import CURRENCIES, LOCAL_MONEY


class Money:
    """Those in one language."""

    def __init__(self, figures: Figures) -> None:
        self._figures, self._spelling, self._words, self._code = figures, figures.spelling, figures.words, figures.code

    def money(self, match: re.Match[str]) -> str | None:
        sign, written = match["mc"] or match["mc2"], match["mn"] or match["mn2"]
        amount = self._figures.parse(written)
        if amount is None:
            return None
        names = {"$": self._words.dollars, "€": self._words.euros, "£": self._words.pounds}.get(sign, ("", ""))
        names = {"EUR": self._words.euros, "GBP": self._words.pounds}.get(sign, names)
        scale = (match["ms"] or match["ms2"] or "").strip(" .")
        local = LOCAL_MONEY.get(self._code, {}).get(sign)
        if local is not None and not scale:
            return self._figures.signed(match["msign"], self._local_money(amount, *local))
        if local is not None and (scaled := self._figures.scaled(written, scale)):
            return self._figures.signed(match["msign"], f"{scaled} {local[0].rpartition('/')[2]}")
        if not names[0] or scale:
            amount *= Decimal(10) ** SCALES.get(scale, 0)
            whole = amount == amount.to_integral_value()
            amount = amount.quantize(Decimal(1)) if whole else amount
            if names[0]:
                said = self._figures.scaled(written, scale) or self._spelling.cardinal(amount)
                return self._figures.signed(match["msign"], f"{said} {names[1]}")
            return self._figures.signed(match["msign"], self._spelling.currency(amount, CURRENCIES[sign]))
        return self._figures.signed(match["msign"], self._amount(amount, names, is_pound=sign in {"£", "GBP"}))

    def _local_money(self, amount: Decimal, whole_name: str, part_name: str) -> str:
        """Say an amount in the language's own money; the names have up to three forms: 1, 2 to 4, 5 and more."""
        whole, parts = int(amount), int((amount - int(amount)) * 100)
        said = []
        for count, names in ((whole, whole_name), (parts, part_name)):
            if (count or (names is whole_name and not parts)) and names:
                name = _form(names.split("/"), count)
                gap = "" if self._code in {"ja", "zh", "ko"} else " "
                said.append(f"{self._figures.counted(count, name)}{gap}{name}")
        return (self._words.joint or " ").join(said)

    def _amount(self, amount: Decimal, names: tuple[str, str], *, is_pound: bool) -> str:
        whole = int(amount)
        cents = int((amount - whole) * 100) if amount.as_tuple().exponent == -2 else None
        if cents is None and amount != whole:
            return f"{self._spelling.cardinal(amount)} {names[1]}"
        parts = []
        if whole or not cents:
            name = names[0] if whole == 1 else names[1]
            parts.append(f"{self._figures.counted(whole, name)} {name}")
        if cents:
            small = ("penny", "pence") if is_pound and self._code == "en" else self._words.cents
            name = small[0] if cents == 1 else small[1]
            parts.append(f"{self._figures.counted(cents, name)} {name}")
        return self._words.joint.join(parts)


def _form(names: list[str], count: int) -> str:
    """Return the form of a name that fits a number, by the rules of Slavic languages where there are three."""
    if len(names) < 3:
        return names[0] if count == 1 else names[-1]
    last, two = count % 10, count % 100
    if last == 1 and two != 11:
        return names[0]
    return names[1] if 2 <= last <= 4 and not 12 <= two <= 14 else names[2]
