"""Which runbook is for this alert: pure scoring, with reasons that a person can check.

What counts, in this order: that the alert's ``runbook_url`` points at it, that it declares the alert (``match``), the alert's
name, its labels, the symptoms, the full text. Each has a band of scores of its own, so that no number of shared words in a
text ever outweighs a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from console.runbook.lexicon import fold, phrases
from console.runbook.model import Runbook


@dataclass(frozen=True)
class Alert:
    """What is known about an alert, as Alertmanager gives it."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    summary: str = ""

    @property
    def every_label(self) -> dict[str, str]:
        return {"alertname": self.name, **self.labels}


class Card(msgspec.Struct, frozen=True):
    """What a list of runbooks shows of one, and what finds it without its words. *number*: the how-manieth of its file.
    Folded: *stem* (the file's name), *names* (every way in which an alert may name it)."""

    path: str
    number: int
    id: str
    title: str
    line: int
    stem: str
    names: tuple[str, ...]
    section: str = ""
    symptom: str = ""
    steps: int = 0
    reviewed: str | None = None
    review_every: str | None = None
    match: dict[str, str] = {}
    broken: str = ""
    owner: str | None = None
    symptoms: tuple[str, ...] = ()
    page: bool = False
    """Without steps: text to read."""

    @property
    def key(self) -> str:
        """Its name among all cards."""
        return f"{self.path}#{self.number}"


class Texts(msgspec.Struct, frozen=True):
    """The folded words of a runbook, by where they stand; each text is words between blanks."""

    title: str
    names: str
    symptoms: str
    body: str


_URL_KEYS: Final = ("runbook_url", "runbook", "runbookUrl", "runbook_id", "playbook", "playbook_url")
_MEANINGLESS: Final = frozenset(("severity", "instance", "prometheus", "alertname", "job", "endpoint", "replica"))
_CJK: Final = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])")


def describe(runbook: Runbook, number: int, item_id: str = "") -> tuple[Card, Texts]:
    """The card of *runbook*, the *number*\\ th of its file, and its words; text that its whole file shares is left out."""
    stem = re.sub(r"(\.runbook)?\.\w+$", "", runbook.path.rsplit("/", 1)[-1])
    name = item_id or runbook.id
    steps = [text for step in runbook.steps() for text in (step.title, step.body, *(c.text for c in step.commands))]
    infos = [text for info in runbook.info if not info.shared for text in (info.title, info.body)]
    names = [*runbook.tags, *runbook.service, runbook.id, name, runbook.section, runbook.owner or ""]
    card = Card(
        path=runbook.path,
        number=number,
        id=name,
        title=runbook.title,
        line=runbook.line,
        stem=fold(stem),
        names=tuple({one for one in (fold(runbook.id), fold(runbook.title), fold(name)) if one}),
        section=runbook.section,
        symptom=runbook.symptoms[0][:200] if runbook.symptoms else "",
        steps=sum(len(phase.steps) for phase in runbook.phases),
        reviewed=runbook.reviewed,
        review_every=runbook.review_every,
        match=runbook.match,
        broken=runbook.broken,
        owner=runbook.owner,
        symptoms=runbook.symptoms,
        page=not (runbook.phases or runbook.broken),
    )
    return card, Texts(
        title=spaced(f"{runbook.title} {stem} {_split_name(stem)} {_split_name(runbook.title)}"),
        names=spaced(" ".join(names)),
        symptoms=spaced(" ".join(runbook.symptoms)),
        body=spaced(" ".join([*steps, *infos])),
    )


def spaced(text: str) -> str:
    """*text* folded, with blanks between the characters of writing that has no blanks of its own."""
    return " ".join(_CJK.sub(r" \1 ", fold(text)).split())


def _split_name(name: str) -> str:
    """``KubePodCrashLooping`` and ``disk_full`` as words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_-]+", " ", name)


def _words(text: str) -> frozenset[str]:
    stop = phrases("stop_words")
    return frozenset(word for word in spaced(text).split() if (len(word) > 1 or _CJK.match(word)) and word not in stop)


class Wanted:
    """An alert, taken apart once for all runbooks."""

    def __init__(self, alert: Alert) -> None:
        self.alert = alert
        self.labels = alert.every_label
        self.name = fold(alert.name)
        self.targets = tuple(_targets(alert))
        self.name_words = _words(_split_name(alert.name)) or _words(alert.name)
        self.label_words = _words(" ".join(v for k, v in alert.labels.items() if k not in _MEANINGLESS))
        said = [alert.summary, *(v for k, v in alert.annotations.items() if k not in _URL_KEYS)]
        self.text_words = _words(" ".join(said)) - self.label_words

    @property
    def words(self) -> frozenset[str]:
        """Every word that may be shared with a runbook."""
        return self.name_words | self.label_words | self.text_words


def _targets(alert: Alert) -> list[tuple[str, str, str]]:
    """What the alert points at: key, last part of the path and anchor, folded."""
    found = []
    for key in _URL_KEYS:
        for source in (alert.annotations, alert.labels):
            target = source.get(key, "").strip()
            if target:
                path, _, anchor = target.rstrip("/").partition("#")
                last = re.sub(r"(\.runbook)?\.(?:md|html?|ya?ml)$", "", path.rstrip("/").rsplit("/", 1)[-1])
                found.append((key, fold(last), fold(anchor)))
    return found


def certain(wanted: Wanted, card: Card) -> tuple[float, str]:
    """100 for one that the alert points at, 95 to 99 for one that declares the alert, 90 for one of its name; else 0. A
    runbook that declares what it is for matches by that alone: all its labels, or not at all."""
    for key, last, anchor in wanted.targets:
        if anchor and anchor in card.names and last in (card.stem, ""):
            return 100.0, f"the alert's {key} points at it"
        if not anchor and last and (last == card.stem or last in card.names):
            return 100.0, f"the alert's {key} points at it"
    if card.match:
        if not all(_label_matches(wanted.labels.get(label, ""), value) for label, value in card.match.items()):
            return 0.0, ""
        said = ", ".join(f"{label}={wanted.labels[label]}" for label in card.match)
        return min(95.0 + len(card.match) - 1, 99.0), f"it is declared for {said}"
    if wanted.name and (wanted.name == card.stem or wanted.name in card.names):
        return 90.0, f"it is named after the alert {wanted.alert.name}"
    return 0.0, ""


def _label_matches(value: str, wanted: str) -> bool:
    if value == wanted:
        return True
    if not value or len(wanted) > 200 or len(value) > 1000 or re.search(r"[+*}]\)?[+*{]", wanted):
        return False  # no pattern that could run away
    try:
        return re.fullmatch(wanted, value) is not None
    except re.error:
        return False


_BANDS: Final = ((60.0, 20.0), (42.0, 14.0), (24.0, 14.0), (10.0, 10.0))
"""Lowest score and breadth: name, labels, symptoms, full text. What the other bands hold adds up to :data:`_MORE`."""
_MORE: Final = 4.0


def likely(wanted: Wanted, texts: Texts, weight: Callable[[str], float]) -> tuple[float, str]:
    """How well the words of an alert fit a runbook, 0 to 84 (never as sure as a name), and why.

    *weight* of a word: the more, the rarer it is.
    """
    title, names = frozenset(texts.title.split()), frozenset(texts.names.split())
    symptoms, body = frozenset(texts.symptoms.split()), frozenset(texts.body.split())
    told = wanted.name_words | wanted.text_words
    parts = (
        ("title and the alert's name", wanted.name_words, title | names, 0.15),
        ("title or service and the alert's labels", wanted.label_words, title | names, 0.25),
        ("symptoms and the alert", told, symptoms, 0.12),
        ("text and the alert", wanted.words, title | names | body, 0.2),
    )
    shares: list[tuple[float, frozenset[str]]] = []
    for _, ours, theirs, least in parts:
        shared = ours & theirs
        share = sum(map(weight, shared)) / sum(map(weight, ours)) if shared else 0.0
        shares.append((share, shared) if share >= least else (0.0, frozenset()))
    best = next((at for at, (share, _) in enumerate(shares) if share > 0), None)
    if best is None:
        return 0.0, ""
    low, breadth = _BANDS[best]
    more = _MORE * sum(share for share, _ in shares[best + 1 :]) / len(parts)
    few = sorted(shares[best][1], key=lambda word: (-weight(word), -len(word), word))[:4]
    few.sort(key=lambda word: (-len(word), word))
    return low + breadth * shares[best][0] + more, f"its {parts[best][0]} share: {', '.join(few)}"
