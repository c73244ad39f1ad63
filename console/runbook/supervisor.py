"""The supervisor: one small process that owns one command from start to record, whoever watches or dies meanwhile.

It is handed a request (JSON, by descriptor) and the locked output file, leaves its starter's process tree, starts the
command in a session of its own, spools what it writes, keeps time, ends it when asked, and appends the
``command_finished`` event to the journal itself, as often as it takes.

Until the command runs only light modules are imported; the journal is imported right after.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from typing import Any

from console.runbook import pace, processes, spawn, spool, status

CHUNK = 1 << 18
TICK_S = 1.0
KILL_TICK_S = 0.02
DRAIN_BYTES = 1 << 20  # what a pipe holds: read at the most after the command itself has ended
GIVE_UP_S = 10.0  # after SIGKILL
RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
RECORD_FOR_S = 24 * 3600.0


def main(handle: int) -> None:
    """Read the request from *handle*, detach, and look after the command. Never returns."""
    with open(handle, "rb") as file:
        request = json.loads(file.read())
    output = int(request["output"])
    for handed in (output, request["pace"]):
        if handed >= 0:
            os.set_inheritable(handed, False)
    status.write(request["spool"], {**request["status"], "state": status.STARTING}, mode=request["mode"])
    if os.fork():
        os._exit(0)  # tells the launcher that the request has arrived; the child is nobody's child now
    supervisor = Supervisor(request, output)
    try:
        supervisor.run()
    except BaseException as problem:  # nobody is there to see a traceback
        supervisor.note(f"{type(problem).__name__}: {problem}")
    finally:
        os._exit(0)


class Supervisor:
    """One command's life."""

    def __init__(self, request: dict[str, Any], output: int) -> None:
        self._request = request
        self._folder: str = request["spool"]
        self._status: dict[str, Any] = {**request["status"], "state": status.STARTING}
        self._command: str = self._status["command"]
        self._spool = spool.Spool(self._folder, self._command, output, cap=request["cap"], mode=request["mode"])
        head = spool.head_limit(request["cap"])
        self._pace = pace.Pace(request["pace"], head=head, tail=request["cap"] - head, chunk=CHUNK)
        self._held = False  # the command waits for its follower
        self._reader = -1
        self._child = -1
        self._exit: int | None = None  # wait status of the command itself
        self._control = 0
        self._ending = ""  # the outcome that we are bringing about
        self._ended_by = ""
        self._family = True  # whether anything that belongs to the command lives
        self._child_at = 0.0
        self._ended_at = 0.0
        self._kill_at = 0.0
        self._push_at = 0.0
        self._look_at = 0.0
        self._wake = -1
        self._poll = select.poll()

    def run(self) -> None:
        """Start it, look after it, record its end, and stay while something it left behind holds its output."""
        self._take_signals()
        began_at, began = time.time_ns() // 1000, time.monotonic()
        error = ""
        code: int | None = None
        try:
            self._start()
        except spawn.SpawnError as problem:
            error, code = str(problem), problem.code
        except OSError as problem:
            error, code = f"can't start: {problem.strerror}", 126
        import_error = _import_journal(self._request["path"])
        if not error:
            self._pump(began)
        duration_ms = int(((self._ended_at or time.monotonic()) - began) * 1000)
        finish = self._finish(error, code, duration_ms)
        self._status |= {"state": status.FINISHED, "finish": finish, "ended_us": began_at + duration_ms * 1000}
        self._write_status(sync=True)
        self._spool.forget_segments()
        recorded = not import_error and self._record()
        if recorded:
            self._status["state"] = status.RECORDED
            self._write_status()
            _forget(status.control_path(self._folder, self._command))
        self._spool.close()
        self._linger()

    def note(self, problem: str) -> None:
        """Leave a word about what went wrong here in the status file."""
        self._status["problem"] = problem
        self._write_status()

    # ── starting ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_signals(self) -> None:
        woken, waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, self._stamp)
        signal.signal(signal.SIGUSR1, lambda *_: None)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGTERM])  # looked at with its sender, see _look_at_term
        self._wake = woken
        self._poll.register(woken, select.POLLIN)

    def _stamp(self, *_: object) -> None:
        """When a child ended, although we may be busy importing."""
        self._child_at = time.monotonic()

    def _start(self) -> None:
        request = self._request
        processes.become_subreaper()
        self._child, self._reader = spawn.spawn(
            request["argv"],
            script=request["script"],
            env={**os.environ, **request["env"]},
            cwd=request["cwd"],
            pty=tuple(request["pty"]) if request["pty"] else None,
            stdin=request["stdin"],
        )
        os.set_blocking(self._reader, False)
        self._poll.register(self._reader, select.POLLIN)
        if self._pace.handle >= 0:
            self._poll.register(self._pace.handle, select.POLLIN)
        self._status |= {"state": status.RUNNING, "pid": os.getpid(), "child": self._child}
        self._write_status()

    # ── while it runs ────────────────────────────────────────────────────────────────────────────────────────────

    def _pump(self, began: float) -> None:
        timeout_s: float | None = self._request["timeout_s"]
        deadline = None if timeout_s is None else began + timeout_s
        while True:
            now = time.monotonic()
            if self._ending:
                if self._push(now):
                    break
            elif self._exit is not None:
                break
            elif deadline is not None and now >= deadline:
                self._end("timed_out", f"ended after {timeout_s:g} s, its time limit")
            self._wait(TICK_S if deadline is None or self._ending else max(0.0, deadline - now))
            if now >= self._look_at:  # a flood of output must not make us look all the time
                self._look_at = now + TICK_S
                self._look_at_requests()
                self._look_at_term()
        self._drain()

    def _wait(self, longest: float) -> None:
        tick = KILL_TICK_S if self._ending else TICK_S
        self._hold()
        for handle, _ in self._poll.poll(min(longest, tick) * 1000):
            if handle == self._reader:
                self._read()
            elif handle == self._pace.handle:
                self._hear()
            else:
                _empty(self._wake)
                self._look_at = 0.0
        ended, self._family = processes.reap()
        if self._child in ended:
            self._exit, self._ended_at = ended[self._child], self._child_at

    def _hold(self) -> None:
        """Read on, or let the command wait for its follower. One that is being ended, or whose output can't be kept, never
        waits."""
        held = self._pace.is_behind(self._spool.size) and not self._ending and not self._spool.problem
        if held == self._held or self._reader < 0:
            return
        self._held = held
        if held:
            self._poll.unregister(self._reader)
        else:
            self._poll.register(self._reader, select.POLLIN)

    def _hear(self) -> None:
        handle = self._pace.handle
        if not self._pace.look():
            self._poll.unregister(handle)

    def _read(self) -> int:
        """One chunk of output into the spool; how many bytes, 0 when there is none now or none to come."""
        try:
            chunk = os.read(self._reader, self._pace.chunk)
        except BlockingIOError:
            return 0
        except OSError:
            chunk = b""  # a pseudo-terminal whose last user is gone
        if not chunk:
            self._poll.unregister(self._reader)
            os.close(self._reader)
            self._reader = -1
            return 0
        self._spool.write(chunk)
        return len(chunk)

    def _drain(self) -> None:
        """What was written before the command ended; never waits for others that hold its output."""
        left = DRAIN_BYTES
        while left > 0 and self._reader >= 0:
            self._hold()
            if self._held:
                select.select([self._pace.handle], [], [])  # the follower reads on, or goes
                self._hear()
                continue
            taken = self._read()
            if taken == 0:
                return
            left -= taken

    def _look_at_requests(self) -> None:
        found, self._control = status.requests(self._folder, self._command, self._control)
        for one in found:
            if one.get("do") == "cancel":
                self._end("cancelled", f"cancelled by {one.get('by') or 'somebody'}")
            elif one.get("do") == "interrupt" and self._exit is None:
                _signal_group(self._child, signal.SIGINT)

    def _look_at_term(self) -> None:
        """SIGTERM from the system or a person ends the command; one from a ``pkill`` inside it does not.

        A short-lived sender that is gone by now, or a descendant, is taken for the command's own doing.
        """
        sender = processes.pending_term_sender()
        if sender is None:
            return
        if sender == 0 or (processes.exists(sender) and sender not in processes.descendants(os.getpid())):
            self._end("cancelled", f"its supervisor was told to end (SIGTERM from process {sender})")

    # ── ending it ────────────────────────────────────────────────────────────────────────────────────────────────

    def _end(self, outcome: str, by: str) -> None:
        if self._ending or self._exit is not None:
            return
        self._ending, self._ended_by = outcome, by
        self._kill_at = time.monotonic() + float(self._request["grace_s"])
        _signal_group(self._child, signal.SIGTERM)
        every = processes.descendants(os.getpid())
        processes.send([pid for pid in every if _group(pid) != self._child], signal.SIGTERM)
        processes.send(every, signal.SIGCONT)  # a stopped process would not hear it

    def _push(self, now: float) -> bool:
        """Whether everything that belongs to the command is gone, or was not to be ended."""
        if not self._family and self._exit is not None:
            return True
        if now < self._push_at:
            return False
        self._push_at = now + KILL_TICK_S
        if now >= self._kill_at:
            if self._exit is None:
                _signal_group(self._child, signal.SIGKILL)
            processes.send(processes.descendants(os.getpid()), signal.SIGKILL)
            return now >= self._kill_at + GIVE_UP_S
        return False

    # ── the record ───────────────────────────────────────────────────────────────────────────────────────────────

    def _finish(self, error: str, code: int | None, duration_ms: int) -> dict[str, Any]:
        kept = self._spool.finish(keep=self._pace.handle >= 0)
        self._status["layout"] = {name: kept[name] for name in ("head", "cut", "tail", "tail_at", "size")}
        notes = [error, self._ended_by, self._spool.problem]
        finish: dict[str, Any] = {
            "command": self._command,
            "run": self._status["run"],
            "step": self._status["step"],
            "duration_ms": duration_ms,
            "sha256": kept["sha256"],
            "size": kept["size"],
            "kept": kept["kept"],
        }
        if error:
            finish |= {"outcome": "not_started", "exit_code": code}
        else:
            finish |= self._outcome()
            left = processes.descendants(os.getpid())
            if left:
                what = "could not be ended" if self._ending else "started by it and still running"
                notes.append(f"{what}: {processes.names(left)}")
        try:
            from console.runbook import output

            finish |= output.extracts(self._spool.first, self._spool.last, kept["size"], self._request["secrets"])
        except ImportError:
            pass  # an upgrade in the meantime: the record goes without extracts, the spool has it all
        finish["error"] = "; ".join(note for note in notes if note)
        return finish

    def _outcome(self) -> dict[str, Any]:
        if self._exit is None:
            return {"outcome": self._ending or "unknown"}
        code = os.waitstatus_to_exitcode(self._exit)
        ended: dict[str, Any] = {"exit_code": code} if code >= 0 else {"signal": -code}
        return {**ended, "outcome": self._ending or ("exited" if code >= 0 else "signalled")}

    def _write_status(self, *, sync: bool = False) -> None:
        try:
            status.write(self._folder, self._status, mode=self._request["mode"], sync=sync)
        except OSError:
            pass  # a full disk; the journal is what counts, and it is retried

    def _record(self) -> bool:
        """Append the finish event; False only when there is no place to append to, or after a day."""
        from console.runbook import record

        give_up = time.monotonic() + RECORD_FOR_S
        turn = 0
        while time.monotonic() < give_up:
            try:
                record.append_finish(self._request["journal"], self._status)
                return True
            except record.GiveUp:
                return False
            except Exception as problem:  # whatever it is, the word is kept and tried again
                if turn == 0:
                    self._status["problem"] = str(problem)
                    self._write_status(sync=True)
            if not os.path.isdir(self._folder):  # noqa: PTH112 - no pathlib here
                return False
            self._rest(RETRY_S[min(turn, len(RETRY_S) - 1)])
            turn += 1
        return False

    def _rest(self, seconds: float) -> None:
        """Wait, and keep what is left of the command from blocking on its output."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._discard(left)

    def _linger(self) -> None:
        """A service that the command started may still write here: without a reader its next line would kill it."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        while self._reader >= 0:
            self._discard(3600.0)

    def _discard(self, seconds: float) -> None:
        for handle, _ in self._poll.poll(seconds * 1000):
            if handle != self._reader:
                _empty(self._wake)
                continue
            try:
                chunk = os.read(self._reader, CHUNK)
            except BlockingIOError:
                continue
            except OSError:
                chunk = b""
            if not chunk:
                self._poll.unregister(self._reader)
                os.close(self._reader)
                self._reader = -1
        processes.reap()


def _import_journal(path: list[str]) -> str:
    """Import what the record needs now, so that an upgrade during a long command can't mix versions; the error, if any."""
    sys.path.extend(entry for entry in path if entry not in sys.path)
    try:
        from console.runbook import record as _record  # noqa: F401 - for its effect
    except Exception as problem:
        return f"{type(problem).__name__}: {problem}"
    return ""


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def _empty(handle: int) -> None:
    try:
        while os.read(handle, 512):
            pass
    except BlockingIOError:
        pass


def _forget(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108 - no pathlib here
    except OSError:
        pass
