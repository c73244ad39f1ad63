"""The words that plain Markdown is read by (``lexicon.yaml``), and the matching: no case, no accents, no punctuation."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from console.runbook.lexicon_file import Fault, Words

_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_NOT_WORD: Final = re.compile(r"[\W_]+")
_NUMBER: Final = re.compile(
    r"^\s*(?:#\s*)?(?:\d{1,2}(?:\.\d{1,2})+\s+|\d{1,3}(?:\.\d{1,3})*\s*[.):\-–—]\s*|\(?[a-zA-Z]\)\s+|[①-⑳]\s*|[一二三四五六七八九十]{1,3}\s*[、.]\s*)"
)

HEADING_CLASSES: Final = (
    "symptoms",
    "info",
    "contacts",
    "escalation",
    "template",
    "diagnose",
    "act",
    "verify",
    "rollback",
    "checklist",
    "group",
    "links",
)
ACTION_CLASSES: Final = frozenset(("diagnose", "act", "verify", "rollback", "checklist"))
INFO_CLASSES: Final = frozenset(("symptoms", "info", "contacts", "escalation", "template", "links"))


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """*text* for matching: lower case, no accents, single blanks instead of punctuation and emoji."""
    text = text.replace("’", "'").casefold()
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
        text = unicodedata.normalize("NFC", text)
    return _NOT_WORD.sub(" ", text).strip()


def without_number(title: str) -> str:
    """*title* without a leading ``3.``, ``2)``, ``1.2 -`` or ``四、``."""
    rest = _NUMBER.sub("", title, count=1)
    return rest if rest.strip() else title


@cache
def _shipped() -> dict[str, Any]:
    from importlib import resources

    from console.safe_yaml import load

    source = resources.files(__package__).joinpath("lexicon.yaml")
    data: dict[str, Any] = load(source.read_bytes(), "lexicon.yaml").data
    return data


_own: dict[Path, tuple[int, int, Words | Fault]] = {}
"""The operator's files: modification time, size, words – or what is wrong with the file."""


def use(path: Path) -> Fault | None:
    """Read by the words of the operator's *path* too, from now on; a file that is there no more, or is no good, adds nothing.
    Reading it again costs one ``stat`` as long as it does not change."""
    from console.runbook.lexicon_file import Words, read_words

    try:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
    except OSError:
        if _own.pop(path, None) is not None:
            _forget()
        return None
    known = _own.get(path)
    if known is None or known[:2] != stamp:
        _own[path] = (*stamp, read_words(path, _shipped()))
        _forget()
    found = _own[path][2]
    return None if isinstance(found, Words) else found


def _words() -> list[Words]:
    from console.runbook.lexicon_file import Words

    return [words for _, _, words in _own.values() if isinstance(words, Words)]


def signature() -> tuple[tuple[str, int, int], ...]:
    """What the operator's files are at this moment: text read under another signature may read differently now."""
    return tuple((str(path), changed, size) for path, (changed, size, _) in sorted(_own.items()))


def _forget() -> None:
    for cached in (
        phrases,
        _headings,
        phrases_of,
        _cjk,
        _heading,
        _pattern,
        _prefix,
        _duration,
        _filler,
        _units,
        _fields,
    ):
        cached.cache_clear()


def _split(text: str) -> frozenset[str]:
    return frozenset(folded for folded in (fold(one) for one in text.split("|")) if folded)


def _with_own(shipped: frozenset[str], key: str, name: str = "") -> frozenset[str]:
    """A list with what the operator's files add to it and take from it; a phrase that they put elsewhere among its kin is gone."""
    found = set(shipped)
    for words in _words():
        given = words.mappings.get(key, {}) if name else {"": words.lists.get(key, [])}
        for kin, added in given.items():
            folded = {fold(one) for one in added}
            found = found | folded if kin == name else found - folded
        found -= {fold(one) for one in words.removed}
    return frozenset(found)


@cache
def phrases(key: str) -> frozenset[str]:
    """The folded phrases of a top-level list, like ``optional``."""
    return _with_own(_split(_shipped()[key]), key)


@cache
def _headings() -> dict[str, str]:
    """phrase → class; where two classes share a phrase the first in HEADING_CLASSES has it, but ``links`` wins over ``info``."""
    found: dict[str, str] = {}
    for name in HEADING_CLASSES:
        for phrase in phrases_of(name):
            if name == "links" or phrase not in found:
                found[phrase] = name
    return found


@cache
def phrases_of(name: str) -> frozenset[str]:
    """The folded phrases of a heading class."""
    return _with_own(_split(_shipped()["headings"][name]), "headings", name)


@cache
def _units() -> dict[str, frozenset[str]]:
    """The words of each unit of time."""
    return {name: _with_own(frozenset(fold(text).split()), "units", name) for name, text in _shipped()["units"].items()}


@cache
def _fields() -> dict[str, str]:
    """Front-matter key → field."""
    found = {str(key): str(name) for key, name in _shipped()["front_matter"].items()}
    for words in _words():
        found |= {_key(key): target[0] for key, target in words.mappings.get("front_matter", {}).items()}
    return found


def _key(key: str) -> str:
    return re.sub(r"[\s-]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key.strip()).casefold())


@cache
def _cjk(key: str) -> tuple[str, ...]:
    source = _headings() if key == "headings" else phrases(key)
    return tuple(sorted((p for p in source if _CJK.search(p)), key=len, reverse=True))


def heading_class(title: str) -> tuple[str, bool]:
    """``(class, exact)`` of a heading; class is ``""`` when no phrase fits. *exact*: the heading is the phrase and nothing else."""
    cls, _, exact = _heading(title)
    return cls, exact


def is_topic(title: str) -> bool:
    """Whether the phrase that gives a heading its class only names a field of work, like *installation*: such a section is to be
    done where it holds something to do, and otherwise it describes."""
    return _heading(title)[1] in phrases("topic")


@lru_cache(maxsize=4096)
def _heading(title: str) -> tuple[str, str, bool]:
    """``(class, phrase, exact)``."""
    folded = fold(without_number(title))
    table = _headings()
    if not folded:
        return "", "", False
    if folded in table:
        return table[folded], folded, True
    head = folded.split()
    if (
        head[-1] in phrases_of("checklist")
        or head[0] in phrases_of("checklist")
        or " ".join(head[:3]) in phrases_of("checklist")
    ):
        return "checklist", "checklist", False
    found = ""
    if _CJK.search(folded):
        # The longest; of two the later one, which is what the others are of.
        held = [p for p in _cjk("headings") if p in folded]
        found = max(held, key=lambda p: (len(p), folded.rfind(p)), default="")
    words = folded.split()
    if not found and len(words) <= 9:
        for length in range(min(len(words), 6), 0, -1):
            for start in range(len(words) - length, -1, -1):
                phrase = " ".join(words[start : start + length])
                # A long title that merely mentions a word is no such heading.
                if (
                    phrase in table
                    and not (length == 1 and phrase in phrases("exact_only"))
                    and _stands_out(len(words), length, start)
                ):
                    found = phrase
                    break
            if found:
                break
    return (table[found], found, False) if found else ("", "", False)


def _stands_out(total: int, length: int, start: int) -> bool:
    """Whether a phrase of *length* words carries a heading of *total* words: it does not when it is merely mentioned."""
    return total - length <= 2 or (total - length <= 3 and start in (0, total - length)) or (start == 0 and length > 1)


def contains(key: str, text: str) -> bool:
    """Whether *text* holds a phrase of list *key* as whole words."""
    return _search(key, fold(text))


def without_filler(text: str) -> str:
    """*text*, folded, without words like *then* and *you can also* in front."""
    folded = fold(text)
    while (rest := _filler().sub("", folded, count=1)) != folded and rest:
        folded = rest
    return folded


@cache
def _filler() -> re.Pattern[str]:
    plain = sorted((p for p in phrases("filler") if not _CJK.search(p)), key=len, reverse=True)
    latin = "|".join(map(re.escape, plain))
    other = "|".join(map(re.escape, _cjk("filler")))
    return re.compile(rf"^(?:(?:{latin})(?!\w) ?|(?:{other}) ?)")


def without(key: str, text: str) -> str:
    """*text*, folded, its phrases of list *key* left out."""
    return " ".join(_pattern(key).sub(" ", fold(text)).split())


def without_step(title: str) -> str:
    """*title* without its number or ``Step 2:`` in front, folded."""
    folded = fold(without_number(title))
    return _prefix("step_prefix").sub("", folded, count=1).strip() or folded


def starts(key: str, text: str) -> bool:
    """Whether *text* starts with a phrase of list *key*."""
    folded = fold(text)
    words = folded.split(" ", 6)
    known = phrases(key)
    if any(" ".join(words[:length]) in known for length in range(1, min(len(words), 6) + 1)):
        return True
    return bool(_CJK.search(folded[:12])) and any(folded.startswith(p) for p in _cjk(key))


def is_phrase(key: str, text: str) -> bool:
    """Whether *text* is a phrase of list *key* and nothing else."""
    return fold(text) in phrases(key)


@cache
def _pattern(key: str) -> re.Pattern[str]:
    plain = sorted((p for p in phrases(key) if not _CJK.search(p)), key=len, reverse=True)
    other = [re.escape(p) for p in _cjk(key)]
    alternatives = [r"(?<!\w)(?:" + "|".join(map(re.escape, plain)) + r")(?!\w)"] if plain else []
    return re.compile("|".join(alternatives + other) or r"(?!)")


def _search(key: str, folded: str) -> bool:
    return _pattern(key).search(folded) is not None


@cache
def _prefix(key: str) -> re.Pattern[str]:
    plain = sorted((p for p in phrases(key) if not _CJK.search(p)), key=len, reverse=True)
    other = "|".join(map(re.escape, _cjk(key)))
    latin = "|".join(map(re.escape, plain))
    return re.compile(
        rf"(?:(?:{latin})\s+(?:\d+|[a-z]|[ivx]+)(?!\w)|(?:{latin})\s*\d+(?!\w)|(?:{other})\s*[\d一二三四五六七八九十]+)"
    )


def numbered_as(key: str, title: str) -> bool:
    """Whether *title* starts like ``Procedure 3``, ``RB-014`` (``unit_prefix``), ``Step 2``, ``步骤1`` (``step_prefix``)."""
    return _prefix(key).match(fold(title)) is not None


def is_numbered(title: str) -> bool:
    """Whether *title* starts with a number of its own: ``3. …``, ``2) …``."""
    return _NUMBER.match(title) is not None and without_number(title) != title


@cache
def _duration() -> re.Pattern[str]:
    every = sorted((unit for names in _units().values() for unit in names), key=len, reverse=True)
    return re.compile(
        rf"(\d+(?:[.,]\d+)?)(?:\s*(?:-|–|to|a|à|bis|до|〜|~)\s*(\d+(?:[.,]\d+)?))?\s*({'|'.join(map(re.escape, every))})(?![a-z])"
    )


def seconds(text: str) -> float | None:
    """The duration in *text*, in seconds (``5min``, ``30 secondes``; the longer end of ``5-10 minutes``), or None."""
    match = _duration().search(unicodedata.normalize("NFC", text.casefold()))
    if match is None:
        return None
    number = float((match[2] or match[1]).replace(",", "."))
    for name, factor in (("second", 1.0), ("minute", 60.0), ("hour", 3600.0)):
        if match[3] in _units()[name]:
            return number * factor
    return None


def front_matter_field(key: str) -> str:
    """The field that a front-matter key of any known tool fills; empty for one that Vigie has no use for."""
    return _fields().get(_key(key), "")
