"""The runbooks at hand: those of the configured folders and those that ship, found, searched and matched to an alert."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec

from console.runbook.catalog import Catalog
from console.runbook.model import Document, Problem, Runbook
from console.runbook.ranking import Alert, describe

MAX_BYTES: Final = 2_000_000
MAX_FILES: Final = 20_000
_LEXICON_UP: Final = 3
"""How many folders above a file may hold the lexicon that it is read by."""
SUFFIXES: Final = (".md", ".markdown", ".mdown", ".runbook.yaml", ".runbook.yml")
"""Other YAML files are no runbooks, as long as nobody names them as such."""
SHIPPED: Final = "shipped"
_SKIPPED: Final = frozenset((".git", "node_modules", ".venv", "__pycache__", ".tox", ".cache"))


def read_runbook_file(path: Path, name: str = "") -> Document:
    """Read one file, by the words of a ``lexicon.yaml`` beside or above it too; *name* is the path to show, ``str(path)``
    otherwise. Never raises: a file that can't be read is a document whose problem says why."""
    from console.runbook.lexicon_file import NAME

    for folder in list(path.absolute().parents)[:_LEXICON_UP]:
        _use(folder / NAME)
    return read_known(path, name)


def use_lexicons(folders: Sequence[Path]) -> list[FileProblem]:
    """Take in the ``lexicon.yaml`` of each of *folders*; what is wrong with them."""
    from console.runbook.lexicon_file import NAME

    return [fault for folder in folders for fault in _use((folder.parent if folder.is_file() else folder) / NAME)]


def _use(path: Path) -> list[FileProblem]:
    """Take in an operator's lexicon; what is wrong with it."""
    from console.runbook.lexicon import use

    fault = use(path)
    return (
        [FileProblem(str(fault.path), Problem(fault.line, "error", "R033", fault.message))] if fault is not None else []
    )


def read_known(path: Path, name: str = "") -> Document:
    """Read one file by the words in use (:func:`use_lexicons`). Never raises."""
    from console.runbook.carrier_yaml import read_yaml
    from console.runbook.markdown import read_markdown, unreadable

    shown = name or str(path)
    try:
        status = path.stat()
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            return unreadable(shown, "is no file to read")
        if size > MAX_BYTES:
            return unreadable(
                shown, f"{size / 1e6:.0f} MB is too large for a runbook (at most {MAX_BYTES / 1e6:.0f} MB is read)"
            )
        data = path.read_bytes()
    except OSError as error:
        return unreadable(shown, error.strerror or "can't be read")
    if b"\x00" in data:
        return unreadable(shown, "is not text: it holds a NUL", data.count(b"\n", 0, data.index(b"\x00")) + 1)
    problems: tuple[Problem, ...] = ()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems = (Problem(line, "warning", "R004", "is not UTF-8; the bytes in question are shown as \ufffd"),)
        text = data.decode("utf-8", errors="replace")
    document = read_yaml(text, shown) if shown.lower().endswith((".yaml", ".yml")) else read_markdown(text, shown)
    return msgspec.structs.replace(document, problems=(*problems, *document.problems)) if problems else document


@dataclass(frozen=True)
class Entry:
    """A runbook in the library. *id* is unique in the library; *folder* is where it was found."""

    id: str
    runbook: Runbook
    folder: str


@dataclass(frozen=True)
class FileProblem:
    """A problem with its file, to print as ``path:line: message``."""

    path: str
    problem: Problem

    def __str__(self) -> str:
        place = f"{self.path}:{self.problem.line}" if self.problem.line else self.path
        return f"{place}: {self.problem.message}"


@dataclass(frozen=True)
class Library:
    """Everything found, in the order of the folders; the shipped ones last. *pages* are files without steps. A broken
    runbook is an entry like any other: whoever looks for it must find it, and why it does not work."""

    entries: tuple[Entry, ...] = ()
    pages: tuple[Entry, ...] = ()
    problems: tuple[FileProblem, ...] = ()

    def get(self, name: str) -> Entry | None:
        """The runbook with this id or title, or with an id that only one runbook's starts with."""
        from console.runbook.lexicon import fold

        every = (*self.entries, *self.pages)
        for entry in every:
            if entry.id == name:
                return entry
        folded = fold(name)
        for entry in every:
            if folded and (fold(entry.runbook.title) == folded or fold(entry.id) == folded):
                return entry
        close = [entry for entry in self.entries if folded and fold(entry.id).startswith(folded)]
        return close[0] if len(close) == 1 else None

    def search(self, words: str, pages: bool = False) -> list[Entry]:
        """The runbooks that hold every word, best first (:meth:`console.runbook.catalog.Catalog.search`). No words: all."""
        if not words.strip():
            return [*self.entries, *(self.pages if pages else ())]
        return [self._every[int(card.path)] for card in self._catalog.search(words, pages)]

    def rank(
        self,
        alert_name: str,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        summary: str = "",
        limit: int = 10,
    ) -> list[tuple[Entry, float, str]]:
        """The runbooks for an alert, best first, each with a score from 0 to 100 and the reason in words."""
        alert = Alert(alert_name, labels or {}, annotations or {}, summary)
        return [
            (self._every[int(card.path)], score, reason) for card, score, reason in self._catalog.rank(alert, limit)
        ]

    @property
    def _every(self) -> tuple[Entry, ...]:
        return (*self.entries, *self.pages)

    @cached_property
    def _catalog(self) -> Catalog:
        """An index in memory; each card's path is the place of its entry."""
        catalog, files = Catalog(), []
        for at, entry in enumerate(self._every):
            card, texts = describe(entry.runbook, 0, entry.id)
            files.append((str(at), "", "", [(msgspec.structs.replace(card, path=str(at)), texts)]))
        catalog.put(files)
        catalog.stock({str(at): "" for at in range(len(files))})
        return catalog


@dataclass
class Shelf:
    """A cache of read files, by path, modification time, size and lexicon: reading a library again costs one ``stat`` a file."""

    _read: dict[tuple[object, ...], Document] = field(default_factory=dict)

    def document(self, path: Path, name: str) -> Document:
        from console.runbook.lexicon import signature

        try:
            status = path.stat()
        except OSError:
            return read_known(path, name)
        key = (name, status.st_mtime_ns, status.st_size, signature())
        found = self._read.get(key)
        if found is None:
            found = self._read[key] = read_known(path, name)
        return found


def load_library(folders: Sequence[Path], shelf: Shelf | None = None, shipped: bool = True) -> Library:
    """Read every runbook under *folders* (a file counts as a folder of one) and, with *shipped*, Vigie's own. A folder that
    is missing is a problem, not an error, and so is a ``lexicon.yaml`` in one that says what none can."""
    shelf = shelf or Shelf()
    found: list[tuple[str, Document]] = []
    problems = use_lexicons(folders)
    for folder in folders:
        if not folder.exists():
            problems.append(FileProblem(str(folder), Problem(0, "error", "R001", "no such folder of runbooks")))
            continue
        found.extend((str(folder), shelf.document(path, str(path))) for path in files_in(folder, problems))
    if shipped:
        found.extend((SHIPPED, shelf.document(path, f"{SHIPPED}/{path.name}")) for path in shipped_files())
    return _library(found, problems)


def shipped_files() -> list[Path]:
    """The runbooks of the ``runbooks`` package, in name order."""
    from importlib import resources

    folder = resources.files("runbooks")
    return sorted(Path(str(one)) for one in folder.iterdir() if one.name.endswith(SUFFIXES))


def files_under(folder: Path) -> list[Path]:
    """The runbook files under *folder*, or *folder* itself where it is a file, in name order."""
    return sorted(files_in(folder, []))


def files_in(folder: Path, problems: list[FileProblem]) -> Iterator[Path]:
    """The runbook files under *folder*, sorted, hidden and vendored folders left out, links to folders not followed."""
    if folder.is_file():
        yield folder
        return
    count = 0
    queue = [folder]
    while queue:
        current = queue.pop()
        try:
            inside = sorted(current.iterdir())
        except OSError as error:
            problems.append(FileProblem(str(current), Problem(0, "warning", "R001", error.strerror or "can't be read")))
            continue
        for path in inside:
            if path.is_dir():
                if path.name not in _SKIPPED and not path.name.startswith(".") and not path.is_symlink():
                    queue.append(path)
            elif path.name.lower().endswith(SUFFIXES):
                count += 1
                if count > MAX_FILES:
                    problems.append(
                        FileProblem(
                            str(folder), Problem(0, "warning", "R001", f"only the first {MAX_FILES:,} files are read")
                        )
                    )
                    return
                yield path


def _library(found: Sequence[tuple[str, Document]], problems: list[FileProblem]) -> Library:
    entries: list[Entry] = []
    pages: list[Entry] = []
    taken: set[str] = set()
    for folder, document in found:
        problems.extend(FileProblem(document.path, problem) for problem in document.problems)
        for runbook in document.runbooks:
            entry = Entry(_unique(runbook, taken), runbook, folder)
            (entries if runbook.phases or runbook.broken else pages).append(entry)
    return Library(tuple(entries), tuple(pages), tuple(problems))


def _unique(runbook: Runbook, taken: set[str]) -> str:
    return unique_id(runbook.id, runbook.path, taken)


def unique_id(own: str, path: str, taken: set[str]) -> str:
    """The id that a runbook has in a library: its *own*, with its file's name, then a number before it where it is *taken*."""
    from console.runbook.ids import slug

    name, number = own, 1
    if name in taken:
        stem = Path(path)
        base = slug(f"{stem.parent.name} {own}" if slug(stem.stem) == own else f"{stem.stem} {own}")
        name = base
        while name in taken:
            number += 1
            name = f"{base}-{number}"
    taken.add(name)
    return name
