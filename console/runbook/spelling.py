"""Words as they are typed in a hurry: which known words may have been meant. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence


def near(typed: str, known: Sequence[str], most: int = 8) -> list[str]:
    """The words of *known* whose beginning is *typed* but for one slip (two from eight letters on), nearest first. A slip is a
    letter too many, too few, another one, or two that changed places; the first letter is taken as it is."""
    slips = 0 if len(typed) < 4 else 1 if len(typed) < 8 else 2
    if not slips:
        return []
    first, least, letters = typed[0], len(typed) - slips, set(typed)
    found: list[tuple[int, int, str]] = []
    for word in known:
        if word[0] == first and len(word) >= least and len(letters.difference(word)) <= slips:
            away = _away(typed, word[: len(typed) + slips], slips)
            if away <= slips:
                found.append((away, len(word), word))
    found.sort()
    return [word for _, _, word in found[:most]]


def _away(typed: str, word: str, most: int) -> int:
    """Edit distance with neighbours swapped (optimal string alignment) of *typed* and the closest beginning of *word*;
    more than *most* as soon as that is certain."""
    before: list[int] = []
    last = list(range(len(word) + 1))
    for at, char in enumerate(typed, 1):
        row = [at]
        for place, other in enumerate(word, 1):
            cost = min(row[-1] + 1, last[place] + 1, last[place - 1] + (char != other))
            if at > 1 and place > 1 and char == word[place - 2] and typed[at - 2] == other:
                cost = min(cost, before[place - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return min(last)


def scattered(typed: str) -> re.Pattern[str]:
    """A pattern that finds *typed* letter by letter with anything in between, in one line: ``pgfo`` in *pg failover*."""
    return re.compile("[^\n]*?".join(re.escape(char) for char in typed if not char.isspace()))
