"""A runbook's command made ready: what is shown, what would run, and why it can't, all from one place."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from console.runbook import actions
from console.runbook.launch import CAP_BYTES, CommandRequest
from console.runbook.model import Command, Param, Runbook, Step
from console.runbook.params import UnbindableError, bind, display, env_name
from console.runbook.progress import RunView
from console.sanitize import is_clean

HIDDEN: Final = "[secret]"


class Ready(Struct, frozen=True, kw_only=True):
    """*shown* is the resolved text, secrets hidden. It may run when ``why_not`` and ``missing`` are empty."""

    shown: str
    cwd: Path
    script: str = ""
    env: Mapping[str, str] = {}
    missing: tuple[str, ...] = ()  # parameters without a value
    why_not: str = ""
    params: Mapping[str, str] = {}  # for the record, secrets hidden
    secrets: Mapping[str, str] = {}


def starting_values(runbook: Runbook, labels: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The values that a run begins with: what was *given*, else the label that the parameter names or is named like, else
    its default. A secret is only ever given. All may be edited."""
    by_name = {env_name(name).casefold(): value for name, value in labels.items()}
    values = dict(given)
    for param in runbook.params:
        if param.name in values or param.secret:
            continue
        label = (param.from_label or "").removeprefix("alert.").removeprefix("labels.")
        found = labels.get(label) or by_name.get(env_name(param.name).casefold()) or param.default
        if found and not refusal(param, found):
            values[param.name] = found
    return values


def refusal(param: Param | None, value: str) -> str:
    """Why *value* is not taken for *param*, in a few words; "" when it is."""
    if not is_clean(value) or "\n" in value:
        return "it holds characters that can't be seen"
    if param is None:
        return ""
    if param.choices and value not in param.choices:
        return f"expected one of {', '.join(param.choices)}"
    if param.pattern:
        try:
            fits = re.fullmatch(param.pattern, value) is not None
        except re.error:
            return f"its pattern {param.pattern} can't be read"
        if not fits:
            return f"expected something that fits {param.pattern}"
    return ""


def make_ready(
    command: Command, step: Step, params: Mapping[str, Param], values: Mapping[str, str], cwd: Path
) -> Ready:
    """*command* of *step* with *values* (parameter name → value, secrets too), by environment and never by splicing."""
    used = {name: values[name] for name in command.params if values.get(name)}
    secret = {name: value for name, value in used.items() if name in params and params[name].secret}
    public = {name: HIDDEN if name in secret else value for name, value in used.items()}
    where = cwd / Path(step.cwd).expanduser() if step.cwd else cwd
    ready = Ready(shown=display(command.text, public), cwd=where, params=public, secrets=secret)
    if why := _why_not(command, step, params, used, where):
        return replace(ready, why_not=why)
    if missing := tuple(name for name in command.params if name not in used):
        return replace(ready, missing=missing)
    try:
        bound = bind(command.text, command.params)
    except UnbindableError as error:
        return replace(ready, why_not=str(error))
    return replace(ready, script=bound.script, env=bound.environment(used))


def _why_not(command: Command, step: Step, params: Mapping[str, Param], used: Mapping[str, str], where: Path) -> str:
    if not command.runnable:
        return command.why_not or "not a command that can be run"
    if not is_clean(command.text):
        return "it holds characters that can't be seen"
    if command.tty == "yes":
        return "it wants the terminal for itself"
    if step.host and step.host != socket.gethostname():
        return f"it is meant for {step.host}"
    if not where.is_dir():
        return f"the folder {where} is not there"
    refused = ((name, refusal(params.get(name), value)) for name, value in used.items())
    return next((f"the value of {name}: {why}" for name, why in refused if why), "")


def request_for(
    ready: Ready,
    run: RunView,
    step: Step,
    *,
    stream: str,
    cap_bytes: int = CAP_BYTES,
    file_mode: int = 0o600,
) -> CommandRequest:
    """What to start for *step*. Raises ``actions.Refused`` for what may not run."""
    if ready.why_not or ready.missing:
        raise actions.Refused(ready.why_not or f"no value for {', '.join(ready.missing)}")
    return CommandRequest(
        text=ready.shown,
        script=ready.script,
        stream=stream,
        run=run.run,
        step=step.id,
        title=step.title,
        params=ready.params,
        env={**step.env, **ready.env},
        secrets=ready.secrets,
        cwd=ready.cwd,
        timeout_s=step.timeout_s,
        cap_bytes=cap_bytes,
        file_mode=file_mode,
        dedupe=actions.command_key(run, step.id),
    )
