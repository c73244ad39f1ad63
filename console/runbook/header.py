"""The keys of a whole runbook: parameters, roles, contacts and the like, for the YAML form and for front matter alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.runbook import values
from console.runbook.commands import Scope, shell
from console.runbook.keys import UNKNOWN_KEY, WRONG_VALUE, Findings, Where
from console.runbook.model import Command, Contact, Escalation, Param, Role
from console.runbook.params import is_secret
from console.runbook.values import Expected


@dataclass(frozen=True)
class HeaderKey:
    """A key of a runbook: what it takes and does, in words, and how it is read (None: by a function of its own)."""

    name: str
    takes: str
    says: str
    read: Callable[[Any], Any] | None = None
    field: str = ""


def _labels(value: Any) -> dict[str, str]:
    def wanted(one: Any) -> str:
        return "|".join(values.texts(one)) if isinstance(one, list) else values.text(one)

    return values.mapping(value, values.line, wanted, "a mapping of labels to what they must be")


HEADER_KEYS: Final[dict[str, HeaderKey]] = {
    key.name: key
    for key in (
        HeaderKey("id", "a word", "the runbook's name in the library; else the file's name", values.identifier),
        HeaderKey("title", "one line", "what somebody sees when it is needed", values.line, "title"),
        HeaderKey("service", "names", "the services it is for", values.texts, "service"),
        HeaderKey("severity", "a word", "how bad it usually is", values.line, "severity"),
        HeaderKey("tags", "words", "for searching", values.texts, "tags"),
        HeaderKey("match", "label: value or pattern", "the alerts it is for: all labels must fit", _labels, "match"),
        HeaderKey("symptoms", "lines", "what somebody sees", values.texts, "symptoms"),
        HeaderKey("owner", "a name", "who keeps it right", values.line, "owner"),
        HeaderKey("reviewed", "a date", "when somebody last went through it", values.day, "reviewed"),
        HeaderKey("review_every", "a period", "how long that lasts", values.period, "review_every"),
        HeaderKey("requires", "commands", "must be on the PATH; looked for before the run", values.texts, "requires"),
        HeaderKey("escalate", "`after` `to`", "when to call for help, and whom"),
        HeaderKey("params", "name: keys", "what the operator fills in"),
        HeaderKey("roles", "name: keys", "who may do steps with a `role`"),
        HeaderKey("contacts", "list", "who can be reached: `name` `reach` `when`"),
    )
}


@dataclass(frozen=True)
class ParamKey:
    """A key of a parameter."""

    name: str
    takes: str
    says: str
    read: Callable[[Any], Any]
    field: str


def _choices(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise Expected("a list of values")
    return tuple(values.text(one) for one in value)


def _script(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Expected("shell text")
    return value


def _label(value: Any) -> str:
    return values.line(value).removeprefix("alert.").removeprefix("labels.")


PARAM_KEYS: Final[dict[str, ParamKey]] = {
    key.name: key
    for key in (
        ParamKey(
            "type",
            " · ".join(values.PARAM_TYPES),
            "what a value must look like",
            values.one_of(*values.PARAM_TYPES),
            "type",
        ),
        ParamKey("default", "text", "the value it begins with", values.text, "default"),
        ParamKey("description", "text", "what it is", values.text, "description"),
        ParamKey("from", "alert.<label>", "the alert's label that fills it first", _label, "from_label"),
        ParamKey("pattern", "a regular expression", "the whole value must fit", values.pattern, "pattern"),
        ParamKey("choices", "a list", "the values there are", _choices, "choices"),
        ParamKey(
            "choices_from", "shell text", "prints the choices, one a line; run when asked for", _script, "choices_from"
        ),
        ParamKey("secret", "yes · no", "masked, never stored or exported", values.boolean, "secret"),
        ParamKey("required", "yes · no", "no: it may stay empty", values.boolean, "required"),
        ParamKey("min", "a number", "the least value", values.number, "minimum"),
        ParamKey("max", "a number", "the greatest value", values.number, "maximum"),
    )
}
_PARAM_ALIASES: Final = {"enum": "choices", "help": "description", "values": "choices"}


def read_params(given: Any, where: Where, findings: Findings, source: str) -> tuple[Param, ...]:
    """The parameters of a ``params`` mapping. A plain value is a default; nothing is a parameter without any."""
    if not isinstance(given, Mapping):
        findings.add(where, WRONG_VALUE, "params: a mapping was expected ({host: {type: host}})")
        return ()
    found = []
    for name, spec in given.items():
        place = (*where, str(name))
        if findings.read(place, values.variable, name) is None:
            continue
        found.append(_param(str(name).strip(), spec, place, findings, source))
    return tuple(found)


def _param(name: str, spec: Any, place: Where, findings: Findings, source: str) -> Param:
    line = findings.line_of(place)
    if not isinstance(spec, Mapping):
        default = None if spec is None else findings.read(place, values.text, spec)
        return Param(name, default, is_secret(name), source, line)
    fields: dict[str, Any] = {}
    for key, value in spec.items():
        known = PARAM_KEYS.get(_PARAM_ALIASES.get(str(key), str(key)))
        if known is None:
            findings.unknown((*place, str(key)), PARAM_KEYS)
        elif value is not None and (read := findings.read((*place, str(key)), known.read, value)) is not None:
            fields[known.field] = read
    if "choices_from" in fields:
        fields["choices_from"] = _choices_from(fields["choices_from"], findings.line_of((*place, "choices_from")))
    return Param(name=name, source=source, line=line, **{"secret": is_secret(name), **fields})


def _choices_from(text: str, line: int) -> Command:
    return shell(text.rstrip("\n"), line, line + text.rstrip("\n").count("\n"), Scope())


def read_roles(given: Any, where: Where, findings: Findings) -> tuple[Role, ...]:
    """The roles of a ``roles`` mapping: ``{dba: {users: [ann], groups: [dba]}}``, or ``{dba: [ann, bob]}`` for users."""
    if not isinstance(given, Mapping):
        findings.add(where, WRONG_VALUE, "roles: a mapping was expected ({dba: {users: [ann]}})")
        return ()
    found = []
    for name, spec in given.items():
        place = (*where, str(name))
        if not isinstance(spec, Mapping):
            users = () if spec is None else findings.read(place, values.texts, spec) or ()
            found.append(Role(str(name), users))
            continue
        known = {"users": values.texts, "groups": values.texts, "description": values.text}
        fields = _some(spec, known, place, findings)
        found.append(Role(name=str(name), **fields))
    return tuple(found)


def read_contacts(given: Any, where: Where, findings: Findings) -> tuple[Contact, ...]:
    """The contacts of a list of ``{name, reach, when}`` or plain names, or of a mapping of names to ways."""
    if isinstance(given, Mapping):
        given = [{"name": name, "reach": way} for name, way in given.items()]
    if not isinstance(given, list):
        findings.add(where, WRONG_VALUE, "contacts: a list was expected ([{name: on-call, reach: +33 1 23}])")
        return ()
    found = []
    for number, one in enumerate(given):
        place = (*where, number)
        if not isinstance(one, Mapping):
            name = findings.read(place, values.line, one)
            found += [Contact(name)] if name else []
            continue
        fields = _some(one, {"name": values.line, "reach": values.text, "when": values.text}, place, findings)
        if "name" in fields:
            found.append(Contact(**fields))
        else:
            findings.add(place, WRONG_VALUE, "contacts: each needs a name")
    return tuple(found)


def read_escalation(given: Any, where: Where, findings: Findings) -> Escalation | None:
    """``{after: 15m, to: somebody}``."""
    if not isinstance(given, Mapping):
        findings.add(where, WRONG_VALUE, "escalate: a mapping was expected ({after: 15m, to: on-call})")
        return None
    fields = _some(given, {"after": values.duration, "to": values.line}, where, findings)
    if "to" not in fields:
        findings.add(where, WRONG_VALUE, "escalate: needs `to`: whom to call")
        return None
    return Escalation(fields.get("after", 0.0), fields["to"])


def _some(given: Mapping[Any, Any], known: Mapping[str, Any], where: Where, findings: Findings) -> dict[str, Any]:
    found = {}
    for key, value in given.items():
        place = (*where, str(key))
        if key not in known:
            findings.add(place, UNKNOWN_KEY, f"{where[0]}: {key} is not a known key{values.nearest(str(key), known)}")
        elif (read := findings.read(place, known[key], value)) is not None:
            found[str(key)] = read
    return found


def read_header(given: Mapping[str, Any], findings: Findings, source: str) -> dict[str, Any]:
    """The fields of a :class:`console.runbook.model.Runbook` that the known keys of *given* set."""
    found: dict[str, Any] = {}
    for name, key in HEADER_KEYS.items():
        if name not in given or given[name] is None:
            continue
        if key.read is not None:
            read = findings.read((name,), key.read, given[name])
            if read is not None and key.field:
                found[key.field] = read
    if given.get("params") is not None:
        found["params"] = read_params(given["params"], ("params",), findings, source)
    if given.get("roles") is not None:
        found["roles"] = read_roles(given["roles"], ("roles",), findings)
    if given.get("contacts") is not None:
        found["contacts"] = read_contacts(given["contacts"], ("contacts",), findings)
    if given.get("escalate") is not None:
        found["escalate"] = read_escalation(given["escalate"], ("escalate",), findings)
    return found
