"""A runbook's command made ready: what is shown, what would run, and why it can't, all from one place."""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from console.runbook import actions, param_types
from console.runbook.launch import CAP_BYTES, CommandRequest
from console.runbook.model import Command, Param, Runbook, Step
from console.runbook.params import UnbindableError, bind, display, env_name
from console.runbook.progress import RunView
from console.runbook.remote import is_host
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
    host: str = ""  # another host, by ssh; "" is this one
    tty: str = "no"  # ``yes``: it gets the operator's terminal; ``follow``: it goes on until it is stopped


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


def sources_of(runbook: Runbook, labels: Mapping[str, str], values: Mapping[str, str], whose: str) -> dict[str, str]:
    """In words, where :func:`starting_values` took *values* from; *whose* the labels are: "alert"."""
    found: dict[str, str] = {}
    for param in runbook.params:
        value = values.get(param.name)
        if not value or param.secret:
            continue
        label = (param.from_label or "").removeprefix("alert.").removeprefix("labels.")
        if label not in labels:
            named = env_name(param.name).casefold()
            label = next((name for name in labels if env_name(name).casefold() == named), "")
        if label and labels[label] == value:
            found[param.name] = f"{whose}'s label {label}"
        elif value == param.default:
            found[param.name] = "default"
    return found


def refusal(param: Param | None, value: str) -> str:
    """Why *value* is not taken for *param*, in a few words; "" when it is."""
    if not is_clean(value) or "\n" in value:
        return "it holds characters that can't be seen"
    if param is None:
        return ""
    if why := param_types.refusal(param, value):
        return why
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
    host, problem = host_of(step, values)
    here = cwd / Path(step.cwd).expanduser() if step.cwd else cwd
    where = Path(step.cwd or "~") if host else here
    ready = Ready(
        shown=display(command.text, public), cwd=where, params=public, secrets=secret, host=host, tty=command.tty
    )
    if why := problem or _why_not(command, params, used, where, host):
        return replace(ready, why_not=why)
    if missing := tuple(name for name in command.params if name not in used):
        return replace(ready, missing=missing)
    try:
        bound = bind(command.text, command.params)
    except UnbindableError as error:
        return replace(ready, why_not=str(error))
    if why := bound.refusal(used):
        return replace(ready, why_not=why)
    return replace(ready, script=bound.script, env=bound.environment(used))


_PLACEHOLDER: Final = re.compile(r"\$\{?(\w+)\}?|<([\w -]+)>|\{([\w-]+)\}")


def host_of(step: Step, values: Mapping[str, str]) -> tuple[str, str]:
    """``(the other host that the step's commands run on, why it can't be told)``; "" for this one."""
    if not step.host:
        return "", ""
    named = _PLACEHOLDER.fullmatch(step.host)
    name = next(filter(None, named.groups())) if named is not None else ""
    host = values.get(name, "") if named is not None else step.host
    if not host:
        return "", f"it runs on the host {step.host}: e gives {name}"
    if not is_host(host):
        return "", f"it is meant for {host}, and that is no host's name"
    return ("", "") if host in (socket.gethostname(), "localhost") else (host, "")


def _why_not(command: Command, params: Mapping[str, Param], used: Mapping[str, str], where: Path, host: str) -> str:
    if not command.runnable:
        return command.why_not or "not a command that can be run"
    if not is_clean(command.text):
        return "it holds characters that can't be seen"
    if not host and not where.is_dir():
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
    keep: tuple[int, float] | None = None,
    file_mode: int = 0o600,
    ssh_config: str = "",
    secret: Collection[str] = (),
    blocked: str = "",
    loose: bool = False,
) -> CommandRequest:
    """What to start for *step*. *secret* are parameters whose values are never kept, so nothing is captured into them.
    Raises ``actions.Refused`` for what may not run, and for what is *blocked*. *loose*: it belongs
    to no step (the choices of a parameter)."""
    if blocked:
        raise actions.Refused(blocked)
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
        timeout_s=None if polls(step) and step.retry is None else step.timeout_s,
        again=again_of(step),
        expect=expect_of(step),
        on_fail=_on_fail(run, step),
        capture={name: how for name, how in step.capture.items() if name not in secret},
        host=ready.host,
        ssh_config=ssh_config,
        remote_cwd=step.cwd or "" if ready.host else "",
        tty="" if ready.tty == "no" else ready.tty,
        cap_bytes=cap_bytes,
        keep=keep,
        file_mode=file_mode,
        dedupe=None if loose else actions.command_key(run, step.id),
    )


POLL_S: Final = 5.0  # between two looks of a check that says nothing else


def polls(step: Step) -> bool:
    """Whether its command is run until it holds: a ``check`` with something to hold, a ``wait`` for one."""
    return bool(step.commands) and (step.kind == "wait" or (step.kind == "check" and step.check is not None))


def again_of(step: Step) -> dict[str, Any]:
    """How the step's command is tried again (:mod:`console.runbook.again`)."""
    retry = step.retry
    if polls(step) and (retry is None or retry.attempts <= 1):
        every = retry.every if retry is not None and retry.every else POLL_S
        return {"attempts": 0, "every": every, "deadline": step.timeout_s or step.wait_s}
    if retry is None:
        return {}
    return {"attempts": max(retry.attempts, 1), "every": retry.every, "backoff": retry.backoff}


def expect_of(step: Step) -> dict[str, Any] | None:
    """What decides whether the step's command passed (:mod:`console.runbook.verdict`); None: a person does."""
    check = step.check
    if check is None:
        return {} if polls(step) or (step.retry is not None and step.retry.attempts > 1) else None
    expect: dict[str, Any] = {"exit": [check.exit]}
    if check.warn_exit is not None:
        expect["warn"] = [check.warn_exit]
    if check.match:
        expect["match"] = check.match
    return expect


def _on_fail(run: RunView, step: Step) -> str:
    """``goto`` with the id of the step that it means; one that leads nowhere leaves it to a person."""
    to = step.on_fail.removeprefix("goto:")
    if to == step.on_fail:
        return step.on_fail
    found = actions.target(run, to.strip())
    return f"goto:{found}" if found else "ask"
