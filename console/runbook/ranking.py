"""Which runbook is for this alert, and which hold these words: pure scoring, with reasons that a person can check."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from console.runbook.lexicon import fold, phrases
from console.runbook.model import Runbook

T = TypeVar("T")


@dataclass(frozen=True)
class Alert:
    """What is known about an alert, as Alertmanager gives it."""

    name: str
    labels: dict[str, str]
    annotations: dict[str, str]
    summary: str = ""

    @property
    def every_label(self) -> dict[str, str]:
        return {"alertname": self.name, **self.labels}


@dataclass(frozen=True)
class Ranked(Generic[T]):
    """*score* runs from 0 to 100; *reason* is one short sentence."""

    item: T
    score: float
    reason: str


_URL_KEYS: Final = ("runbook_url", "runbook", "runbookUrl", "runbook_id", "playbook", "playbook_url")


@dataclass(frozen=True)
class Index:
    """The folded words of a runbook, by where they stand. *id* is the runbook's in the library, *stem* its file's name."""

    runbook: Runbook
    id: str
    stem: str
    title: frozenset[str]
    symptoms: frozenset[str]
    names: frozenset[str]
    body: frozenset[str]
    text: str


def index(runbook: Runbook, item_id: str) -> Index:
    """Index *runbook*; text that its whole file shares is left out."""
    steps = [text for step in runbook.steps() for text in (step.title, step.body, *(c.text for c in step.commands))]
    infos = [text for info in runbook.info if not info.shared for text in (info.title, info.body)]
    names = [*runbook.tags, *runbook.service, runbook.id, runbook.section]
    stem = re.sub(r"\.\w+$", "", runbook.path.rsplit("/", 1)[-1])
    every = [runbook.title, stem, *names, *runbook.symptoms, *steps, *infos, runbook.owner or ""]
    return Index(
        runbook=runbook,
        id=item_id,
        stem=fold(stem),
        title=_words(f"{runbook.title} {_split_name(stem)} {_split_name(runbook.title)}"),
        symptoms=_words(" ".join(runbook.symptoms)),
        names=_words(" ".join(names)),
        body=_words(" ".join([*steps, *infos])),
        text=" " + fold(" ".join(every)),
    )


def _split_name(name: str) -> str:
    """``KubePodCrashLooping`` and ``disk_full`` as words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_-]+", " ", name)


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in fold(text).split() if len(word) > 1 and word not in phrases("stop_words"))


def search_words(words: str, items: Sequence[tuple[T, Index]]) -> list[tuple[T, float]]:
    """The items whose runbook holds every word of *words*, best first; ties keep their order."""
    wanted = fold(words).split()
    found = []
    for item, entry in items:
        score = 0.0
        for word in wanted:
            worth = _worth(word, entry)
            if not worth:
                break
            score += worth
        else:
            found.append((item, score / max(len(wanted), 1)))
    return sorted(found, key=lambda pair: -pair[1])


def _worth(word: str, entry: Index) -> float:
    """How much a search word found in a runbook is worth: the title most, a prefix less than a word, a part of a word least."""
    for words, worth in ((entry.title, 10.0), (entry.names, 8.0), (entry.symptoms, 6.0), (entry.body, 3.0)):
        if word in words:
            return worth
        if any(one.startswith(word) for one in words):
            return worth * 0.7
    if " " + word in entry.text:
        return 1.5
    return 1.0 if len(word) > 2 and word in entry.text else 0.0


def rank(alert: Alert, items: Sequence[tuple[T, Index]]) -> list[Ranked[T]]:
    """The items for *alert*, best first; those with nothing in common are left out."""
    found = []
    for item, entry in items:
        score, reason = _score(alert, entry)
        if score > 0:
            found.append(Ranked(item, round(score, 1), reason))
    return sorted(found, key=lambda one: -one.score)


def _score(alert: Alert, entry: Index) -> tuple[float, str]:
    runbook = entry.runbook
    if reason := _by_url(alert, entry):
        return 100.0, reason
    if runbook.match:
        return _by_match(alert, runbook)
    if alert.name and fold(alert.name) in (entry.stem, fold(runbook.id), fold(runbook.title), fold(entry.id)):
        return 90.0, f"it is named after the alert {alert.name}"
    return _by_words(alert, entry)


def _by_url(alert: Alert, entry: Index) -> str:
    runbook = entry.runbook
    for key in _URL_KEYS:
        for source in (alert.annotations, alert.labels):
            target = source.get(key, "").strip()
            if not target:
                continue
            path, _, anchor = target.rstrip("/").partition("#")
            last = fold(re.sub(r"\.(?:md|html?|ya?ml)$", "", path.rstrip("/").rsplit("/", 1)[-1]))
            if anchor and fold(anchor) in (fold(runbook.id), fold(runbook.title)) and last in (entry.stem, ""):
                return f"the alert's {key} points at it"
            if not anchor and last and last in (entry.stem, fold(runbook.id), fold(entry.id)):
                return f"the alert's {key} points at it"
    return ""


def _by_match(alert: Alert, runbook: Runbook) -> tuple[float, str]:
    """A runbook that declares what it is for matches by that alone: all its labels, or not at all."""
    labels = alert.every_label
    for label, wanted in runbook.match.items():
        if not _label_matches(labels.get(label, ""), wanted):
            return 0.0, ""
    said = ", ".join(f"{label}={labels[label]}" for label in runbook.match)
    return min(95.0 + len(runbook.match) - 1, 99.0), f"it is declared for {said}"


def _label_matches(value: str, wanted: str) -> bool:
    if value == wanted:
        return True
    if len(wanted) > 200 or len(value) > 1000 or re.search(r"[+*}]\)?[+*{]", wanted):  # no pattern that could run away
        return False
    try:
        return re.fullmatch(wanted, value) is not None
    except re.error:
        return False


def _by_words(alert: Alert, entry: Index) -> tuple[float, str]:
    """Shared words: those of the alert's name count most, then of its labels, then of its text."""
    name = _words(_split_name(alert.name)) | _words(alert.name)
    text = _words(" ".join([alert.summary, *(v for k, v in alert.annotations.items() if k not in _URL_KEYS)]))
    labels = _words(
        " ".join(v for k, v in alert.labels.items() if k not in ("severity", "instance", "prometheus", "alertname"))
    )
    parts: list[tuple[float, str, frozenset[str]]] = [
        (9.0, "title", name & entry.title),
        (7.0, "symptoms", name & entry.symptoms),
        (4.0, "labels", labels & (entry.title | entry.names)),
        (3.0, "symptoms", text & entry.symptoms),
        (3.0, "title", text & entry.title),
        (1.0, "text", name & entry.body),
    ]
    score = sum(weight * len(shared) for weight, _, shared in parts)
    if score < 6.0:
        return 0.0, ""
    named = max(parts, key=lambda part: part[0] * len(part[2]))
    shared = sorted(named[2], key=lambda word: (-len(word), word))[:4]
    return min(score * 2.2, 80.0), f"its {named[1]} and the alert share: {', '.join(shared)}"
