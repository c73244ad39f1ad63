"""What stands before the Markdown: YAML between ``---`` lines, or TOML between ``+++``, as fields of a runbook."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from console.runbook import lexicon
from console.runbook.header import read_contacts, read_escalation, read_params, read_roles
from console.runbook.keys import Findings
from console.runbook.model import Contact, Escalation, Param, Problem, Role
from console.safe_yaml import Limits, Loaded, YamlError, load

LIMITS: Final = Limits(size=64_000, depth=12, values=5_000)


@dataclass
class FrontMatter:
    """*rows*: how many rows of the file it takes, its fences included; 0 when there is none."""

    rows: int = 0
    fields: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    params: tuple[Param, ...] = ()
    match: dict[str, str] = field(default_factory=dict)
    escalate: Escalation | None = None
    roles: tuple[Role, ...] = ()
    contacts: tuple[Contact, ...] = ()
    problems: list[Problem] = field(default_factory=list)

    def text(self, name: str) -> str | None:
        """A field as one line of text."""
        value = self.fields.get(name)
        if value is None or isinstance(value, dict):
            return None
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value).strip() or None

    def texts(self, name: str) -> tuple[str, ...]:
        """A field as a list of texts."""
        value = self.fields.get(name)
        if value is None or isinstance(value, dict):
            return ()
        return tuple(str(one) for one in value) if isinstance(value, list) else (str(value),)


def read_front_matter(lines: Sequence[str], source: str) -> FrontMatter:
    """The front matter of a file. What can't be read becomes a problem, and its rows stay covered."""
    fence = lines[0].rstrip() if lines else ""
    if fence not in ("---", "+++"):
        return FrontMatter()
    end = next(
        (
            row
            for row in range(1, min(len(lines), 400))
            if lines[row].rstrip() in (fence, "..." if fence == "---" else fence)
        ),
        0,
    )
    if end == 0 or (fence == "---" and not any(re.match(r"\s*[\w-]+\s*:", line) for line in lines[1:end]) and end > 1):
        return FrontMatter()
    found = FrontMatter(rows=end + 1)
    if fence == "+++":
        _toml(lines[1:end], found)
        return found
    try:
        loaded = load("\n".join(lines[1:end]), source, LIMITS)
    except YamlError as error:
        found.problems.append(Problem(error.line + 1, "warning", "R002", f"front matter: {error.message}"))
        return found
    if isinstance(loaded.data, dict):
        _fill(found, loaded)
    return found


def _toml(lines: Sequence[str], found: FrontMatter) -> None:
    import tomllib

    try:
        _take(found, tomllib.loads("\n".join(lines)))
        _typed(found, Findings(lambda _: 1))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found.problems.append(Problem(1, "warning", "R002", f"front matter: {' '.join(str(error).split())}"))


def _fill(found: FrontMatter, loaded: Loaded) -> None:
    _take(found, loaded.data)
    for name in ("match", "params", "escalate"):
        value = found.fields.get(name)
        if value is not None and not isinstance(value, dict):
            found.problems.append(
                Problem(loaded.line((name,)) + 1, "warning", "R003", f"{name}: a mapping was expected")
            )
            del found.fields[name]
    findings = Findings(lambda where: loaded.line(where) + 1)
    _typed(found, findings)
    found.problems.extend(msgspec.structs.replace(one, level="warning") for one in findings.problems)


def _typed(found: FrontMatter, findings: Findings) -> None:
    """The keys that have keys of their own. Other tools use these names too: what does not fit is worth a warning here."""
    given = found.fields
    if "params" in given:
        found.params = read_params(given["params"], ("params",), findings, "front matter")
    if "roles" in given:
        found.roles = read_roles(given["roles"], ("roles",), findings)
    if "contacts" in given:
        found.contacts = read_contacts(given["contacts"], ("contacts",), findings)
    if "escalate" in given:
        found.escalate = read_escalation(given["escalate"], ("escalate",), findings)


def _take(found: FrontMatter, data: Mapping[str, Any]) -> None:
    for key, value in data.items():
        name = lexicon.front_matter_field(str(key))
        if name:
            found.fields.setdefault(name, value)
        else:
            found.metadata[str(key)] = _flat(value)
    match = found.fields.get("match")
    if isinstance(match, dict):
        found.match = {str(label): _flat(value) for label, value in match.items()}
    names = found.texts("alertname")
    if names:
        found.match.setdefault("alertname", "|".join(names))


def _flat(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_flat(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_flat(one)}" for key, one in value.items())
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
