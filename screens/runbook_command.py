"""A step's command as it will run: resolved, who and where, what is missing, why not. Pure, but for who and where we are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from console.runbook.launch import CommandRequest
from console.runbook.model import Command, Runbook, Step
from console.runbook.params import Bound, UnbindableError, bind, display
from console.sanitize import is_clean


@dataclass(frozen=True)
class Place:
    """Where commands run from here."""

    host: str
    user: str
    cwd: str

    @classmethod
    def here(cls) -> Place:
        import getpass
        import socket

        try:
            cwd = str(Path.cwd())
        except OSError:  # the folder is gone
            cwd = ""
        return cls(socket.gethostname(), getpass.getuser(), cwd)


@dataclass(frozen=True)
class Resolved:
    """What the operator is shown, exactly. ``why_not`` "" = it may run; ``missing`` are parameters without a value."""

    text: str
    place: Place
    missing: tuple[str, ...] = ()
    why_not: str = ""
    warnings: tuple[str, ...] = ()
    confirm: str = ""  # a word that must be typed first; "" for none
    bound: Bound | None = None
    digest: str = ""  # of what the text does not show: the values of secrets

    @property
    def runs(self) -> bool:
        """Whether it may run, once its key is armed."""
        return not self.why_not and not self.missing

    @property
    def subject(self) -> str:
        """All that is promised by the frame that shows it."""
        return "\0".join((self.text, self.place.host, self.place.user, self.place.cwd, self.digest))


def commands_of(step: Step) -> tuple[Command, ...]:
    """The commands that a step offers: its own, then the whole block as one where its parts are listed."""
    if step.whole is not None and len(step.commands) > 1:
        return (*step.commands, step.whole)
    return step.commands


def resolve(
    command: Command,
    step: Step,
    values: Mapping[str, str],
    secrets: Mapping[str, str],
    place: Place,
    *,
    ascii_only: bool = False,
) -> Resolved:
    """*command* with *values* and *secrets* (name → value) put in; a secret shows as its name. *ascii_only*: this terminal
    shows nothing else, so other characters call for a second look."""
    here = Place(place.host, place.user, str(Path(step.cwd).expanduser()) if step.cwd else place.cwd)
    shown = {name: value for name, value in values.items() if name in command.params}
    masked = {name: f"[secret {name}]" for name in secrets if name in command.params}
    text = display(command.text, {**shown, **masked})
    every = {**shown, **{name: secrets[name] for name in masked}}
    missing = tuple(name for name in command.params if not every.get(name))
    warnings = tuple(command.warnings)
    if ascii_only and not text.isascii():
        warnings = (*warnings, "some of its characters show as ? on this terminal")
    destructive = "destructive" in (command.effect, step.effect)
    why, bound = _why_not(command, step, here, every, missing)
    digest = hashlib.sha256(repr(sorted(secrets.items())).encode()).hexdigest()[:16] if masked else ""
    return Resolved(
        text=text,
        place=here,
        missing=missing if not why else (),
        why_not=why,
        warnings=warnings,
        confirm=_confirm_word(command, step, every) if destructive or warnings or step.confirm else "",
        bound=bound,
        digest=digest,
    )


def _why_not(
    command: Command, step: Step, place: Place, values: Mapping[str, str], missing: tuple[str, ...]
) -> tuple[str, Bound | None]:
    if not command.runnable:
        return command.why_not or "not a shell command", None
    if not is_clean(command.text):
        return "it holds characters that can't be shown", None
    if command.tty == "yes":
        return "it wants the terminal for itself: c copies it, ctrl-Z gives you the shell", None
    if step.host and step.host != place.host:
        return f"it is meant for {step.host}", None
    if not place.cwd or not Path(place.cwd).is_dir():
        return f"the folder {place.cwd or '(gone)'} is not there", None
    for name, value in values.items():
        if name in command.params and (not is_clean(value) or "\n" in value):
            return f"the value of {name} holds characters that can't be shown: e changes it", None
    if missing:
        return "", None
    try:
        return "", bind(command.text, command.params)
    except UnbindableError as error:
        return str(error), None


_WORD: Final = re.compile(r"[\w./:@-]{2,40}")


def _confirm_word(command: Command, step: Step, values: Mapping[str, str]) -> str:
    """The word to type: the parameter that ``confirm: type-NAME`` names, else the target, else the command's first word."""
    named = (step.confirm or "").removeprefix("type-")
    if values.get(named):
        return values[named]
    for name in command.params:
        if _WORD.fullmatch(values.get(name, "")):
            return values[name]
    words = [word for word in command.text.split("\n", 1)[0].split() if not word.startswith(("-", "#", "$"))]
    plain = [word for word in words if _WORD.fullmatch(word)]
    return plain[0] if plain else "yes"


def request(
    command: Command,
    resolved: Resolved,
    step: Step,
    *,
    stream: str,
    run: str,
    values: Mapping[str, str],
    secrets: Mapping[str, str],
    dedupe: str,
    cap_bytes: int,
    file_mode: int,
    asked: float,
) -> CommandRequest:
    """What the supervisor is to do: the text that was shown, and nothing else."""
    bound = resolved.bound
    if bound is None:
        raise ValueError(resolved.why_not or "a parameter has no value")
    used = {name: secrets.get(name) or values[name] for name in bound.env}
    return CommandRequest(
        text=resolved.text,
        script=bound.script,
        stream=stream,
        run=run,
        step=step.id,
        title=step.title,
        params={name: value for name, value in used.items() if name not in secrets},
        env={**step.env, **bound.environment(used)},
        secrets={name: value for name, value in used.items() if name in secrets},
        cwd=Path(resolved.place.cwd),
        timeout_s=step.timeout_s,
        dedupe=dedupe,
        cap_bytes=cap_bytes,
        file_mode=file_mode,
        asked=asked,
    )


def prefill(runbook: Runbook, labels: Mapping[str, str]) -> dict[str, str]:
    """First values of a runbook's parameters: the label it names, one of the same name, its default. Never a secret."""
    from console.runbook.params import env_name

    by_name = {env_name(name).casefold(): value for name, value in labels.items()}
    values: dict[str, str] = {}
    for param in runbook.params:
        if param.secret:
            continue
        label = (param.from_label or "").removeprefix("alert.").removeprefix("labels.")
        found = labels.get(label) or by_name.get(env_name(param.name).casefold()) or param.default or ""
        if found and is_clean(found):
            values[param.name] = found
    return values


def check_value(runbook: Runbook, name: str, value: str) -> str:
    """Why *value* is refused for the parameter *name*; "" when it is fine."""
    param = runbook.param(name)
    if not is_clean(value):
        return "it holds characters that can't be shown"
    if param is None or not value:
        return ""
    if param.choices and value not in param.choices:
        return f"expected one of {', '.join(param.choices)}"
    if param.pattern:
        try:
            fits = re.fullmatch(param.pattern, value) is not None
        except re.error:
            return ""
        if not fits:
            return f"expected something that fits {param.pattern}"
    return ""


@lru_cache(maxsize=1)
def boot_id() -> str:
    """This boot, as the supervisor records it."""
    from console.runbook import processes

    return processes.boot_id()
