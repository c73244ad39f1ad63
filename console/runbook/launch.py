"""Starting commands.

A command is announced in the journal before anything is started, then handed to a supervisor process
(:mod:`console.runbook.supervisor`) that needs nobody from there on. Neither its text nor its values stand in the argument
list of any process. Whoever comes later finds it by :mod:`console.runbook.recover`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from console.clock import to_us
from console.journal import place
from console.journal.events import WATCH, CommandStarted, Event, New
from console.journal.store import Journal
from console.runbook import far_terminal, mask, processes, record, remote, scope, spool, status
from console.runbook.handle import CommandHandle
from console.runbook.recover import Places, settle
from console.sanitize import is_clean, one_line

CAP_BYTES: Final = 16_000_000
GRACE_S: Final = 5.0  # between SIGTERM and SIGKILL
EXPIRES_S: Final = 10.0  # a keypress that could not be recorded by then starts nothing any more
_HANDOVER_S: Final = 30.0
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Variables that make a shell or the loader run something else than what was shown.
_FORBIDDEN: Final = re.compile(
    r"PATH|IFS|ENV|BASH_.*|BASHOPTS|SHELLOPTS|PS4|PROMPT_COMMAND|LD_.*|GLIBC_TUNABLES|PYTHON.*|PERL5.*"
    rf"|{remote.OURS}.*"
)
_NO_PAGER: Final = {"PAGER": "cat", "GIT_PAGER": "cat", "SYSTEMD_PAGER": "cat", "MANPAGER": "cat"}


class LaunchError(Exception):
    """The command was not started; ``str()`` is one line."""


class AlreadyStarted(LaunchError):
    """Somebody else started this very command first; ``event`` is their ``command_started``."""

    def __init__(self, event: Event) -> None:
        super().__init__(f"{event.actor} started this command at {event.recorded_at:%H:%M:%S}Z")
        self.event = event


class CommandRequest(Struct, frozen=True, kw_only=True):
    """What is to be run: a *script* for the interpreter *argv*, or *argv* itself when there is none.

    ``text`` is what the operator was shown; ``params`` stand in the record; ``env`` is what is added to the environment,
    secrets too; ``secrets`` (name → value) are masked in the record's extracts. ``stream`` None is the watch stream.
    """

    text: str
    script: str | None = None
    argv: tuple[str, ...] = ("bash",)
    stream: str | None = None
    run: str = ""
    step: str = ""
    title: str = ""
    params: Mapping[str, str] = {}
    env: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}
    cwd: Path | None = None  # None: this process's
    timeout_s: float | None = None  # of one try
    again: Mapping[str, Any] = {}  # attempts (0: without end), every, backoff, deadline: see console.runbook.again
    expect: Mapping[str, Any] | None = None  # exit, warn, match, no_match: see console.runbook.verdict
    on_fail: str = "ask"
    capture: Mapping[str, str] = {}  # parameter -> how its value is taken from the output
    host: str = ""  # another host, reached by ssh; "" is this one
    ssh_config: str = ""
    remote_cwd: str = ""
    tty: str = ""  # "follow": it goes on until somebody ends it, and that is no failure
    grace_s: float = GRACE_S
    pty: tuple[int, int] | None = None  # rows, columns
    stdin: int | None = None  # a descriptor to read from; None is /dev/null
    pace: int | None = None  # a ``pace.Follower``'s handle: the command waits for it; None waits for nobody
    cap_bytes: int = CAP_BYTES
    keep: tuple[int, float] | None = None  # bytes and seconds of earlier output that stay when this one has ended
    file_mode: int = 0o600
    dedupe: str | None = None  # of the start event: two operators at the same step start it once
    asked: float = msgspec.field(default_factory=time.monotonic)


def start_command(journal: Journal, paths: Places, request: CommandRequest) -> CommandHandle:
    """Record that the command starts, then start it under a supervisor of its own. Returns within tens of milliseconds.

    Raises :class:`LaunchError` when it was not started, :class:`AlreadyStarted` when another operator was first, and
    ``JournalError`` when the start could not be recorded (then nothing was started either).
    """
    _check(request)
    if time.monotonic() - request.asked > EXPIRES_S:
        raise LaunchError("not started: it was asked for too long ago; look again and ask again")
    handle, output = _announced(journal, paths, request)
    try:
        _hand_over(journal, handle, request, output)
    finally:
        os.close(output)
    return handle


class Hosted(Struct, frozen=True):
    """An announced command that waits for the operator's terminal: run *argv* there with the descriptors *handed*
    inherited, then :meth:`close` them here. It records its own end; its exit code is the command's."""

    handle: CommandHandle
    argv: tuple[str, ...]
    handed: tuple[int, ...]

    def close(self) -> None:
        """Let go of what was handed over."""
        for one in self.handed:
            os.close(one)


def host_command(journal: Journal, paths: Places, request: CommandRequest) -> Hosted:
    """Record that a command starts on the operator's terminal (``tty: yes``); raises like :func:`start_command`."""
    _check(request)
    handle, output = _announced(journal, paths, request)
    first = status.read(str(handle.folder), handle.command) or {}
    message = {**_message(journal, first, handle, request, output, -1), "pace": -1}
    source = os.memfd_create("request", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(source), "wb") as file:
        file.write(json.dumps(message, ensure_ascii=True).encode())
    os.lseek(source, 0, os.SEEK_SET)
    script = Path(__file__).with_name("host_terminal.py")
    return Hosted(handle, (sys.executable, "-I", "-S", str(script), str(source)), (source, output))


def _announced(journal: Journal, paths: Places, request: CommandRequest) -> tuple[CommandHandle, int]:
    from ulid import ULID

    command = str(ULID())
    folder = paths.spool.absolute()
    try:
        place.make_folder(folder, request.file_mode)
        output = spool.create(str(folder), command, request.file_mode)
    except OSError as error:
        raise LaunchError(f"{folder}: output can't be kept there ({error.strerror}); nothing was started") from None
    try:
        return _announce(journal, folder, command, request), output
    except BaseException:
        os.close(output)
        raise


def _check(request: CommandRequest) -> None:
    for name, value in request.env.items():
        if not _NAME.fullmatch(name) or _FORBIDDEN.fullmatch(name):
            raise LaunchError(f"{name!r} can't be the name of a parameter's variable; nothing was started")
        if "\0" in value:
            raise LaunchError(f"the value of {name} holds a NUL byte; nothing was started")
    if any("\0" in word for word in (*request.argv, request.script or "")):
        raise LaunchError("the command holds a NUL byte; nothing was started")
    if not request.argv:
        raise LaunchError("no command was given")
    if request.host and not remote.is_host(request.host):
        raise LaunchError(f"{one_line(request.host, 60)!r} can't be the name of a host; nothing was started")
    if request.host:
        _payload(request)
    if request.script is not None and not is_clean(request.script):
        raise LaunchError("the command holds characters that can't be seen; nothing was started, copy it by hand")


def _announce(journal: Journal, folder: Path, command: str, request: CommandRequest) -> CommandHandle:
    import socket

    from ulid import ULID

    stream = request.stream or WATCH
    event_id = str(ULID())
    now = journal.clock.now()
    handle = CommandHandle(
        command=command,
        folder=folder,
        stream=stream,
        text=request.text,
        actor=journal.actor,
        run=request.run,
        step=request.step,
        title=request.title,
        started_us=to_us(now),
        cap_bytes=request.cap_bytes,
    )
    boot = processes.boot_id()
    try:
        status.write(str(folder), _first_status(handle, event_id, boot), mode=request.file_mode)
        body = CommandStarted(
            command=command,
            text=request.text,
            run=request.run,
            step=request.step,
            title=request.title,
            host=request.host or socket.gethostname(),
            user="ssh" if request.host else processes.user_name(),
            cwd=(request.remote_cwd or "~") if request.host else str(request.cwd or Path.cwd()),
            params=dict(request.params),
            boot_id=boot,
            spool=str(handle.output),
            tty=request.tty,
        )
        event = record.put(
            journal,
            stream,
            New(body=body, occurred_at=now, dedupe=request.dedupe or f"run:{command}:started", id=event_id),
        )
    except OSError as error:
        handle.discard()
        raise LaunchError(f"{folder}: {error.strerror}; nothing was started") from None
    except BaseException:
        handle.discard()
        raise
    if event.id != event_id:
        handle.discard()
        raise AlreadyStarted(event)
    return handle


def _first_status(handle: CommandHandle, event_id: str, boot: str) -> dict[str, Any]:
    return {
        "command": handle.command,
        "state": status.LAUNCHING,
        "stream": handle.stream,
        "event": event_id,
        "actor": handle.actor,
        "run": handle.run,
        "step": handle.step,
        "title": handle.title,
        "text": handle.text,
        "boot_id": boot,
        "started_us": handle.started_us,
        "cap": handle.cap_bytes,
    }


def _hand_over(journal: Journal, handle: CommandHandle, request: CommandRequest, output: int) -> None:
    first = status.read(str(handle.folder), handle.command) or {}
    stdin = -1 if request.stdin is None else os.dup(request.stdin)  # 0 is the supervisor's own /dev/null
    pace = -1 if request.pace is None else request.pace
    try:
        message = _message(journal, first, handle, request, output, stdin)
        problem = _spawn_supervisor({**message, "pace": pace}, [output, stdin, pace])
    finally:
        if stdin >= 0:
            os.close(stdin)
    if problem is None:
        return
    found = status.read(str(handle.folder), handle.command) or first
    finish = {
        "command": handle.command,
        "run": handle.run,
        "step": handle.step,
        "outcome": "not_started",
        "error": problem,
    }
    settle(journal, str(handle.folder), {**found, "finish": finish}, request.file_mode)
    raise LaunchError(problem)


def _message(
    journal: Journal, first: dict[str, Any], handle: CommandHandle, request: CommandRequest, output: int, stdin: int
) -> dict[str, Any]:
    cwd = Path("/") if request.host else request.cwd or Path.cwd()
    payload, script, argv, values = None, request.script, list(request.argv), dict(request.env)
    if request.host:
        payload = _payload(request)
        config = str(Path(request.ssh_config).expanduser()) if request.ssh_config else ""
        by = far_terminal.argv if request.tty == "yes" else remote.argv
        script, argv, values = None, by(request.host, config), {}
    return {
        "status": first,
        "spool": str(handle.folder),
        "output": output,
        "mode": request.file_mode,
        "cap": request.cap_bytes,
        "keep": request.keep,
        "script": script,
        "argv": argv,
        "payload": payload,
        "follow": request.tty == "follow",
        "host": request.host,
        "again": dict(request.again),
        "expect": None if request.expect is None else dict(request.expect),
        "on_fail": request.on_fail,
        "capture": dict(request.capture),
        "apart": bool(request.capture or (request.expect or {}).get("match")),
        "env": {
            **(_NO_PAGER if request.pty else {}),
            **values,
            "VIGIE_COMMAND": handle.command,
            "VIGIE_DB": str(journal.path.absolute()),
            "VIGIE_ACTOR": journal.actor,
            **({"VIGIE_INCIDENT": request.stream} if request.stream else {}),
        },
        "cwd": str(cwd.absolute()),
        "pty": request.pty,
        "stdin": stdin,
        "timeout_s": request.timeout_s,
        "grace_s": request.grace_s,
        "forms": mask.forms(request.secrets),
        "path": [str(Path(entry).absolute()) for entry in sys.path],
        "journal": {
            "path": str(journal.path.absolute()),
            "actor": journal.actor,
            "host": journal.origin.host,
            "tty": journal.origin.tty,
            "uid": journal.origin.uid,
            "mode": request.file_mode,
        },
    }


def _payload(request: CommandRequest) -> str:
    if request.script is None:
        raise LaunchError("only a script goes to another host; nothing was started")
    try:
        data = remote.payload(request.script, request.env, request.remote_cwd)
    except ValueError as error:
        raise LaunchError(f"not for another host: {error}; nothing was started") from None
    return data.decode("utf-8", "surrogateescape")


def _spawn_supervisor(message: dict[str, Any], handed: list[int]) -> str | None:
    """Start the supervisor and wait until it has the request; the problem in one line, or None."""
    script = Path(__file__).with_name("supervise.py")
    data = json.dumps(message, ensure_ascii=True).encode()
    code: int | None = None
    for before in (scope.prefix(processes.user_name()), []):
        if code == 0:
            break
        source = os.memfd_create("request", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(source), "wb") as file:
                file.write(data)
            os.lseek(source, 0, os.SEEK_SET)
            code = _run_starter([*before, sys.executable, "-I", "-S", str(script), str(source)], [source, *handed])
        except OSError as error:
            return f"no supervisor could be started: {error.strerror}"
        finally:
            os.close(source)
        # No scope was to be had: better a command that ends with the session than none. One that was begun is begun.
        if not before or not _is_untouched(message):
            break
    return None if code == 0 else f"the supervisor did not start (exit {code})"


def _run_starter(argv: list[str], handed: list[int]) -> int:
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[one for one in handed if one >= 0],
        start_new_session=True,
        cwd="/",
    ) as starter:
        try:
            return starter.wait(_HANDOVER_S)  # it forks and is gone; what it leaves is no child of ours
        except subprocess.TimeoutExpired:
            starter.kill()
            return starter.wait()


def _is_untouched(message: dict[str, Any]) -> bool:
    found = status.read(message["spool"], message["status"]["command"])
    return found is not None and found["state"] == status.LAUNCHING
