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

from console.runbook import again, closing, pace, processes, spawn, spool, status, streams, verdict
from console.runbook.closing import Closing, empty

CHUNK = 1 << 18
TICK_S = 1.0
KILL_TICK_S = 0.02
DRAIN_BYTES = 1 << 20  # what a pipe holds: read at the most after the command itself has ended
GIVE_UP_S = 10.0  # after SIGKILL


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


class Supervisor(Closing):
    """One command's life."""

    def __init__(self, request: dict[str, Any], output: int) -> None:
        self._request = request
        self._folder: str = request["spool"]
        self._status: dict[str, Any] = {**request["status"], "state": status.STARTING}
        self._command: str = self._status["command"]
        self._spool = spool.Spool(self._folder, self._command, output, cap=request["cap"], mode=request["mode"])
        head = spool.head_limit(request["cap"])
        self._follower = request["pace"]
        self._pace = pace.Pace(request["pace"], head=head, tail=request["cap"] - head, chunk=CHUNK)
        self._poll = select.poll()
        self._streams = streams.Streams(self._poll, self._spool, self._pace, request["forms"])
        self._again = again.Again(request["again"])
        self._tried = 0
        self._verdict = self._why = ""
        self._stdin = -1  # of ssh: a word there ends the far side
        self._child = -1
        self._exit: int | None = None  # wait status of the command itself
        self._control = 0
        self._ending = ""  # the outcome that we are bringing about
        self._ended_by = ""
        self._family = True  # whether anything that belongs to the command lives
        self._began_at = 0.0  # this try
        self._child_at = 0.0
        self._ended_at = 0.0
        self._kill_at = 0.0
        self._push_at = 0.0
        self._look_at = 0.0
        self._wake = -1

    def run(self) -> None:
        """Start it, look after it, record its end, and stay while something it left behind holds its output."""
        self._take_signals()
        began_at, began = time.time_ns() // 1000, time.monotonic()
        error, code = self._start()
        import_error = _import_journal(self._request["path"])
        while not error:
            self._pump(began)
            pause = self._judge(began)
            if pause is None or not self._rest_until_next(pause):
                break
            error, code = self._start()
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
        if recorded:
            self._prune()
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

    def _start(self) -> tuple[str, int | None]:
        """Start it, once more if need be: ``(problem, what a shell would exit with)``."""
        request = self._request
        processes.become_subreaper()
        self._tried += 1
        self._exit, self._ended_at, self._began_at = None, 0.0, time.monotonic()
        try:
            stdin = self._far_input() if request["payload"] is not None else request["stdin"]
            self._child, out, err = spawn.spawn(
                request["argv"],
                script=request["script"],
                env={**os.environ, **request["env"]},
                cwd=request["cwd"],
                pty=tuple(request["pty"]) if request["pty"] else None,
                stdin=stdin,
                apart=request["apart"],
            )
        except spawn.SpawnError as problem:
            return str(problem), problem.code
        except OSError as problem:
            return f"can't start: {problem.strerror}", 126
        self._streams.open(out, err)
        if self._pace.handle >= 0 and self._tried == 1:
            self._poll.register(self._pace.handle, select.POLLIN)
        self._status |= {"state": status.RUNNING, "pid": os.getpid(), "child": self._child, "attempt": self._tried}
        self._write_status()
        return "", None

    def _far_input(self) -> int:
        """A pipe that holds what goes to the other host; its writing end stays here."""
        import fcntl

        if self._stdin >= 0:
            os.close(self._stdin)
        data = self._request["payload"].encode("utf-8", "surrogateescape")
        reader, self._stdin = os.pipe2(os.O_CLOEXEC)
        if len(data) > 1 << 15:
            fcntl.fcntl(self._stdin, spawn.F_SETPIPE_SZ, len(data) + 4096)
        os.set_blocking(self._stdin, False)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._stdin, rest) :]
        return reader

    # ── while it runs ────────────────────────────────────────────────────────────────────────────────────────────

    def _pump(self, began: float) -> None:
        limits = []
        if self._request["timeout_s"] is not None:
            limits.append((self._began_at + self._request["timeout_s"], self._request["timeout_s"]))
        if self._again.deadline is not None:
            limits.append((began + self._again.deadline, self._again.deadline))
        deadline, limit = min(limits, default=(None, 0.0))
        while True:
            now = time.monotonic()
            if self._ending:
                if self._push(now):
                    break
            elif self._exit is not None:
                break
            elif deadline is not None and now >= deadline:
                self._end("timed_out", f"ended after {limit:g} s, its time limit")
            self._wait(TICK_S if deadline is None or self._ending else max(0.0, deadline - now))
            self._look()
        self._drain()

    def _look(self) -> None:
        now = time.monotonic()
        if now >= self._look_at:  # a flood of output must not make us look all the time
            self._look_at = now + TICK_S
            self._look_at_requests()
            self._look_at_term()

    def _wait(self, longest: float) -> None:
        tick = KILL_TICK_S if self._ending else TICK_S
        self._hold()
        for handle, _ in self._poll.poll(min(longest, tick) * 1000):
            if handle in self._streams:
                self._streams.read(handle)
            elif handle == self._pace.handle:
                self._hear()
            else:
                empty(self._wake)
                self._look_at = 0.0
        ended, self._family = processes.reap()
        if self._child in ended:
            self._exit, self._ended_at = ended[self._child], self._child_at

    def _hold(self) -> None:
        """Read on, or let the command wait for its follower. One that is being ended, or whose output can't be kept, never
        waits."""
        behind = self._pace.is_behind(self._spool.size)
        self._streams.hold(behind and not self._ending and not self._spool.problem)

    def _hear(self) -> None:
        handle = self._pace.handle
        if not self._pace.look():
            self._poll.unregister(handle)

    def _drain(self) -> None:
        """What was written before the command ended; never waits for others that hold its output."""
        left = DRAIN_BYTES
        while left > 0 and self._streams.is_open:
            self._hold()
            if self._streams.held:
                select.select([self._pace.handle], [], [])  # the follower reads on, or goes
                self._hear()
                continue
            before = self._spool.size
            self._streams.drain(min(left, self._pace.chunk))
            if self._spool.size == before:
                break
            left -= self._spool.size - before
        self._streams.flush()

    # ── tries ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _judge(self, began: float) -> float | None:
        """What was expected of this try, and how long until the next one; None for no more."""
        expect = self._request["expect"]
        if expect is None and self._again.attempts == 1:
            return None
        if self._ending == "timed_out":
            self._verdict, self._why = verdict.FAILED, self._ended_by
        elif self._ending or self._exit is None:
            self._verdict, self._why = "", ""  # somebody ended it: nothing is said of what it would have done
            return None
        else:
            ended = os.waitstatus_to_exitcode(self._exit)
            exit_code, number = (ended, None) if ended >= 0 else (None, -ended)
            self._verdict, self._why = verdict.judge(expect or {}, exit_code, number, self._streams.text.text)
        if self._verdict != verdict.FAILED:
            return None
        now = time.monotonic()
        pause = self._again.pause_after(self._tried, now - began)
        if pause is None:
            return None
        code = None if self._exit is None else os.waitstatus_to_exitcode(self._exit)
        one: dict[str, Any] = {"n": self._tried, "at_us": time.time_ns() // 1000, "why": self._why}
        one |= {} if code is None else {"exit": code} if code >= 0 else {"signal": -code}
        one["ms"] = int((now - self._began_at) * 1000)
        self._status["tries"] = [*self._status.get("tries", ()), one][-again.KEPT :]
        self._status["next_us"] = one["at_us"] + int(pause * 1e6)
        self._write_status()
        self._spool.write(f"[vigie: try {self._tried}: {self._why}; again in {pause:g} s]\n".encode())
        return pause

    def _rest_until_next(self, pause: float) -> bool:
        """Wait between two tries; False when somebody ended it meanwhile."""
        self._ending = self._ended_by = ""
        until = time.monotonic() + pause
        self._child = -1
        while not self._ending and (left := until - time.monotonic()) > 0:
            self._wait(left)
            self._look()
        return not self._ending

    def _look_at_requests(self) -> None:
        found, self._control = status.requests(self._folder, self._command, self._control)
        for one in found:
            if one.get("do") == "cancel":
                self._end(*closing.by(one.get("by") or "somebody", follow=self._request["follow"]))
            elif one.get("do") == "interrupt" and self._child < 0:  # between two tries
                self._end("cancelled", f"cut short by {one.get('by') or 'somebody'}")
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
        if self._ending or (self._exit is not None and self._child > 0):
            return
        self._ending, self._ended_by = outcome, by
        self._kill_at = time.monotonic() + float(self._request["grace_s"])
        if self._child < 0:  # between two tries
            self._ended_at = time.monotonic()
            return
        if self._stdin >= 0 and self._tell_far_side():
            self._kill_at += remote_grace()
            return
        _signal_group(self._child, signal.SIGTERM)
        every = processes.descendants(os.getpid())
        processes.send([pid for pid in every if _group(pid) != self._child], signal.SIGTERM)
        processes.send(every, signal.SIGCONT)  # a stopped process would not hear it

    def _tell_far_side(self) -> bool:
        try:
            os.write(self._stdin, b"end\n")
        except OSError:
            return False
        return True

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


def remote_grace() -> float:
    """Seconds that the far side takes to end what is there."""
    from console.runbook.remote import GRACE_S

    return float(GRACE_S)


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


def _forget(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108 - no pathlib here
    except OSError:
        pass
