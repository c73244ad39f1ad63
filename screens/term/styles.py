"""Graphic renditions (SGR, ECMA-48 8.3.117) as the parameter strings that stand between ``CSI`` and ``m``.

``""`` is the default rendition. All functions are pure and remember their answers: a screen has a few dozen styles.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

# What an attribute belongs to, and what switches its group off.
_GROUP: Final = {
    "1": "weight", "2": "weight", "3": "italic", "4": "underline", "21": "underline", "5": "blink", "6": "blink",
    "7": "reverse", "8": "conceal", "9": "strike", "51": "frame", "52": "frame", "53": "overline",
}  # fmt: skip
_OFF: Final = {
    "weight": "22", "italic": "23", "underline": "24", "blink": "25", "reverse": "27", "conceal": "28", "strike": "29",
    "frame": "54", "overline": "55", "ink": "39", "paper": "49",
}  # fmt: skip
_ON_BLANKS: Final = ("underline", "blink", "reverse", "strike", "frame", "overline")  # what shows on a space, too


@lru_cache(4096)
def _groups(sgr: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    parts = iter(sgr.split(";") if sgr else ())
    for part in parts:
        if part in ("38", "48"):
            kind = next(parts, "")
            rest = [next(parts, "0") for _ in range(1 if kind == "5" else 3)]
            found["ink" if part == "38" else "paper"] = (";".join((part, kind, *rest)),)
        elif part in _GROUP:
            found[_GROUP[part]] = (*found.get(_GROUP[part], ()), part)
        elif part.isdigit():
            number = int(part)
            if 30 <= number <= 37 or 90 <= number <= 97:
                found["ink"] = (part,)
            elif 40 <= number <= 47 or 100 <= number <= 107:
                found["paper"] = (part,)
    return found


@lru_cache(4096)
def blank(sgr: str) -> str:
    """What of *sgr* shows on a space: two spaces with the same ``blank`` look the same."""
    groups = _groups(sgr)
    shows = any(name in groups for name in _ON_BLANKS)
    return sgr if shows else "".join(groups.get("paper", ()))


@lru_cache(4096)
def erasable(sgr: str) -> bool:
    """Whether a space in *sgr* is what an erasing sequence leaves on a terminal that erases with the background."""
    return not any(name in _groups(sgr) for name in _ON_BLANKS)


@lru_cache(16384)
def change(old: str | None, new: str) -> str:
    """The shortest sequence that takes the terminal from *old* (None: unknown) to *new*."""
    if old == new:
        return ""
    if not new:
        return "\x1b[m"
    whole = f"\x1b[0;{new}m"
    if old is None:
        return whole
    before, after = _groups(old), _groups(new)
    parts: list[str] = []
    for name in (*before, *(name for name in after if name not in before)):
        was, now = before.get(name, ()), after.get(name, ())
        if was == now:
            continue
        one_at_a_time = name in ("ink", "paper")
        if not now or (not one_at_a_time and not set(was) <= set(now)):
            parts.append(_OFF[name])
            was = ()
        parts.extend(code for code in now if code not in was)
    step = f"\x1b[{';'.join(parts)}m"
    return step if len(step) <= len(whole) else whole
