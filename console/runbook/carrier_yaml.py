"""The YAML form of a runbook: ``*.runbook.yaml`` as the model's structs, every fault with its line and key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

import msgspec

from console.runbook import header, keys, values
from console.runbook.commands import Scope, shell
from console.runbook.coverage import cover
from console.runbook.ids import slug
from console.runbook.keys import WRONG_VALUE, Findings, Where
from console.runbook.markdown import MAX_STEPS
from console.runbook.model import Command, Document, Info, InfoKind, Phase, Problem, Runbook, Step
from console.runbook.params import env_name
from console.runbook.settle import Keys, outfit, said, settle
from console.safe_yaml import Limits, Loaded, YamlError, load
from console.sanitize import is_clean, visible

SUFFIXES: Final = (".runbook.yaml", ".runbook.yml")
LIMITS: Final = Limits(size=512_000, depth=16, values=60_000)
_PHASE_KEYS: Final = {
    "title": values.line,
    "kind": values.phase_kind,
    "pause": values.line,
    "text": values.text,
    "steps": None,
}
_OTHER_KEYS: Final = ("phases", "steps", "info")


def read_yaml(text: str, path: str) -> Document:
    """Read a file's *text*. *path* names it. Never raises: a file that is no YAML is a page with its text, and broken."""
    try:
        loaded = load(text.removeprefix("\ufeff"), path, LIMITS)
    except YamlError as error:
        return _page(text, path, Problem(error.line, "error", "R002", error.message))
    except RecursionError:
        return _page(text, path, Problem(1, "error", "R002", "nested too deeply to be read"))
    if not isinstance(loaded.data, dict):
        wanted = "a runbook is a mapping with title and phases (or steps)"
        return _page(text, path, Problem(1, "error", "R002", wanted))
    count = _count(loaded.data)
    if count > MAX_STEPS:
        return _page(
            text, path, Problem(1, "error", "R001", f"{count:,} steps, and no one follows more than {MAX_STEPS:,}")
        )
    return _Reader(text, path, loaded).document()


def _count(data: dict[Any, Any]) -> int:
    """How many steps the file lists."""
    phases = data.get("phases")
    parts = [data, *(one for one in (phases if isinstance(phases, list) else ()) if isinstance(one, dict))]
    return sum(len(steps) for part in parts if isinstance(steps := part.get("steps"), list))


def _page(text: str, path: str, problem: Problem) -> Document:
    """A file that gives no steps: its text to read, and what is wrong with it."""
    lines = visible(text.replace("\r\n", "\n")).split("\n")
    body = "\n".join(lines[:2000])
    last = max((number for number, line in enumerate(lines, 1) if line.strip()), default=1)
    stem = _stem(path)
    info = (Info(stem, body, 1, last),)
    runbook = Runbook(stem, stem, path, info=info, end_line=last, form="yaml", broken=said(problem))
    return Document(path, (runbook.sealed(),), (problem,))


def _stem(path: str) -> str:
    return re.sub(r"(?:\.runbook)?\.ya?ml$", "", PurePath(path).name)


class _Reader:
    """One file on its way to a document."""

    def __init__(self, text: str, path: str, loaded: Loaded) -> None:
        self.path = path
        self.loaded = loaded
        self.lines = visible(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")).split("\n")
        self.findings = Findings(loaded.line)
        self.dirty: set[int] = set()
        self.scope = Scope()
        self.places: list[Where] = []
        self.starts: dict[Where, list[int]] = {}
        for where, line in loaded.lines.items():
            if where:
                self.starts.setdefault(where[:-1], []).append(line)

    def document(self) -> Document:
        data = self._clean(self.loaded.data, ())
        self.scope = Scope(dirty=frozenset(self.dirty))
        for name in data:
            if str(name) not in header.HEADER_KEYS and str(name) not in _OTHER_KEYS and not str(name).startswith("x-"):
                self.findings.unknown((str(name),), (*header.HEADER_KEYS, *_OTHER_KEYS))
        head = header.read_header(data, self.findings, "declared")
        self.scope.names.update({env_name(param.name): param.name for param in head.get("params", ())})
        stem = _stem(self.path)
        if "title" not in head:
            self.findings.add((), WRONG_VALUE, "title: a runbook needs one")
        phases = self._phases(data, head.get("title", stem))
        runbook = Runbook(
            id=slug(values.text(data["id"]) if isinstance(data.get("id"), str) else stem) or "runbook",
            path=self.path,
            phases=phases,
            info=tuple(self._infos(data, head)),
            end_line=max((n for n, line in enumerate(self.lines, 1) if line.strip()), default=1),
            form="yaml",
            metadata={
                str(k): str(v) for k, v in data.items() if str(k).startswith("x-") and not isinstance(v, dict | list)
            },
            **{"title": stem, **head},
        )
        known = Keys(lambda _, step, key: self.loaded.line((*self.places[step], key)), self.scope)
        return settle(Document(self.path, tuple(cover([runbook], self.lines))), self.findings, known)

    def _clean(self, value: Any, where: Where) -> Any:
        """*value* with hidden characters made visible; the lines of texts that had any are noted."""
        if isinstance(value, dict):
            return {self._clean(key, where): self._clean(one, (*where, str(key))) for key, one in value.items()}
        if isinstance(value, list):
            return [self._clean(one, (*where, number)) for number, one in enumerate(value)]
        if isinstance(value, str) and not is_clean(value):
            first = self.loaded.line(where)
            self.dirty.update(range(first, first + value.count("\n") + 2))
            return visible(value)
        return value

    # ── phases and steps

    def _phases(self, data: Mapping[str, Any], title: str) -> tuple[Phase, ...]:
        if "phases" in data and "steps" in data:
            self.findings.add(("steps",), WRONG_VALUE, "steps: either phases or steps, not both")
        if "phases" in data:
            given = data["phases"]
            if not isinstance(given, list) or not given:
                self.findings.add(
                    ("phases",), WRONG_VALUE, "phases: a list of phases was expected ([{title: …, steps: […]}])"
                )
                return ()
            ends = self._ends("phases", len(given))
            return tuple(self._phase(one, ("phases", n), ends[n]) for n, one in enumerate(given))
        if "steps" not in data:
            self.findings.add((), WRONG_VALUE, "phases: a runbook needs phases, or steps")
            return ()
        return (self._phase({"title": title, "steps": data["steps"]}, (), self._end_of_key("steps"), "steps"),)

    def _phase(self, given: Any, where: Where, end: int, key: str = "") -> Phase:
        line = self.loaded.line((*where, key) if key else where)
        if not isinstance(given, dict):
            self.findings.add(where, WRONG_VALUE, "phases: each is a mapping with title and steps")
            return Phase("?", line, max(end, line), ())
        found: dict[str, Any] = {}
        for name, value in given.items():
            if str(name) not in _PHASE_KEYS:
                self.findings.unknown((*where, str(name)), _PHASE_KEYS)
            elif (read := _PHASE_KEYS[str(name)]) is not None and value is not None:
                found[str(name)] = self.findings.read((*where, str(name)), read, value)
        if not found.get("title"):
            self.findings.add(where, WRONG_VALUE, "title: a phase needs one")
        steps: list[Step] = []
        listed = given.get("steps")
        if not isinstance(listed, list) or not listed:
            self.findings.add((*where, "steps"), WRONG_VALUE, "steps: a list of steps was expected")
        else:
            ends = self._ends("steps", len(listed), where, end)
            steps = [self._step(one, (*where, "steps", n), ends[n]) for n, one in enumerate(listed)]
        if steps and found.get("text"):
            steps[0] = msgspec.structs.replace(steps[0], notes=(found["text"].strip(), *steps[0].notes))
        return Phase(
            found.get("title") or "?",
            line,
            max(end, line),
            tuple(steps),
            found.get("kind") or "steps",
            found.get("pause"),
        )

    def _step(self, given: Any, where: Where, end: int) -> Step:
        self.places.append(where)
        line = self.loaded.line(where)
        end = max(end, line)
        if isinstance(given, str) and given.strip():
            return Step("", "do", " ".join(given.split()), line=line, end_line=end)
        if not isinstance(given, dict):
            self.findings.add(where, WRONG_VALUE, "steps: each is a mapping with kind and title, or a line of text")
            return Step("", "do", "?", line=line, end_line=end)
        found = keys.read_keys({str(k): v for k, v in given.items() if v is not None}, where, self.findings)
        kind = found.get("kind") or keys.kind_of(found)
        if needs := keys.missing(kind, given):
            self.findings.add(where, WRONG_VALUE, f"{needs}: a {kind} step needs it")
        commands = tuple(self._commands(given, found, where, end))
        title = found.get("title") or found.get("ask") or found.get("id")
        if not title and commands:
            title = commands[0].text.strip().split("\n")[0][:110]
        if not title and found.get("text"):
            title = " ".join(found["text"].split())[:110]
        if not title:
            title = f"Wait {found['for']:g} s" if "for" in found else found.get("runbook")
        if not title:
            self.findings.add(where, WRONG_VALUE, "title: a step needs one")
        made = {"id": "", **keys.fields(found), "kind": kind, "title": title or "?"}
        made["body"] = str(made.get("body", "")).strip("\n")
        return Step(commands=outfit(commands, found), line=line, end_line=end, **made)

    def _commands(self, given: Mapping[str, Any], found: Mapping[str, Any], where: Where, end: int) -> list[Command]:
        several = isinstance(given.get("run"), list)
        made = []
        for number, text in enumerate(found.get("run", ())):
            place = (*where, "run", number) if several else (*where, "run")
            line = self.loaded.line(place)
            if re.match(
                r"\s*(?:- )?\s*(?:[\w\"']+:)?\s*[|>][-+\d]*\s*(?:#.*)?$",
                self.lines[line - 1][self._from(line, several) :],
            ):
                line += 1
            script = text.strip("\n")
            made.append(shell(script, line, min(line + script.count("\n"), end), self.scope))
        return made

    def _from(self, line: int, several: bool) -> int:
        """Where ``run:`` begins on its line, which may also hold the list item's dash."""
        return 0 if several else max(self.lines[line - 1].find("run"), 0)

    # ── lines

    def _ends(self, name: str, count: int, above: Where = (), last: int = 0) -> list[int]:
        """The last line of each item of a list."""
        starts = [self.loaded.line((*above, name, number)) for number in range(count)]
        last = last or self._end_of_key(name)
        following = self._next_key(above, name, last)
        return [self._trim(nxt - 1) for nxt in (*starts[1:], following)]

    def _next_key(self, above: Where, name: str, last: int) -> int:
        """The line of the key after *name* in the mapping at *above*, or the one after *last*."""
        start = self.loaded.line((*above, name))
        return min((line for line in self.starts.get(above, ()) if start < line <= last), default=last + 1)

    def _end_of_key(self, name: str) -> int:
        return self._trim(self._next_key((), name, len(self.lines)) - 1)

    def _trim(self, line: int) -> int:
        while line > 1 and not self.lines[line - 1].strip():
            line -= 1
        return line

    # ── text to read

    def _infos(self, data: Mapping[str, Any], head: Mapping[str, Any]) -> list[Info]:
        found = []
        for name in data:
            key = str(name)
            line, end = self.loaded.line((key,)), self._end_of_key(key)
            body = "\n".join(self.lines[line - 1 : end])
            if key == "info":
                found.extend(self._texts(data[name]))
            elif key not in ("phases", "steps"):
                kind: InfoKind = "metadata"
                if key == "symptoms":
                    kind, body = "symptoms", "\n".join(f"- {one}" for one in head.get("symptoms", ()))
                elif key == "contacts":
                    kind = "contacts"
                    body = "\n".join(f"- {_contact(one)}" for one in head.get("contacts", ()))
                elif key == "escalate":
                    kind = "escalation"
                found.append(Info(key.capitalize(), body, line, max(end, line), kind))
        return sorted(found, key=lambda info: info.line)

    def _texts(self, given: Any) -> list[Info]:
        if not isinstance(given, dict):
            self.findings.add(("info",), WRONG_VALUE, "info: a mapping of headings to Markdown was expected")
            return []
        starts = [self.loaded.line(("info", str(name))) for name in given]
        ends = [*(line - 1 for line in starts[1:]), self._end_of_key("info")]
        found = []
        for (name, text), line, end in zip(given.items(), starts, ends, strict=True):
            body = self.findings.read(("info", str(name)), values.text, text)
            if body is not None:
                found.append(Info(str(name), body.strip("\n"), line, max(self._trim(end), line)))
        return found


def _contact(one: Any) -> str:
    return ", ".join(part for part in (f"{one.name}: {one.reach}" if one.reach else one.name, one.when) if part)
