"""The end of a command, by its supervisor: the finish event put together, written into the journal as often as it takes, and
a reader for what the command left behind."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Any

from console.runbook import again, processes, spool, status, streams, verdict

STOPPED = "stopped"  # as it was meant to end: it would have gone on for ever
RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
RECORD_FOR_S = 24 * 3600.0


class Closing:
    """The base of :class:`console.runbook.supervisor.Supervisor`."""

    _request: dict[str, Any]
    _status: dict[str, Any]
    _folder: str
    _command: str
    _spool: spool.Spool
    _streams: streams.Streams
    _again: again.Again
    _poll: select.poll
    _tried: int
    _verdict: str
    _why: str
    _stdin: int
    _exit: int | None
    _ending: str
    _ended_by: str
    _kill_at: float
    _wake: int
    _follower: int

    def _finish(self, error: str, code: int | None, duration_ms: int) -> dict[str, Any]:
        kept = self._spool.finish(keep=self._follower >= 0)
        self._status["layout"] = {name: kept[name] for name in ("head", "cut", "tail", "tail_at", "size")}
        request = self._request
        notes = [error, self._ended_by, self._spool.problem]
        finish: dict[str, Any] = {
            "command": self._command,
            "run": self._status["run"],
            "step": self._status["step"],
            "duration_ms": duration_ms,
            "sha256": kept["sha256"],
            "size": kept["size"],
            "kept": kept["kept"],
            "masked": self._streams.masked,
            "attempts": max(self._tried, 1),
            "tries": self._status.get("tries", []),
        }
        if error:
            finish |= {"outcome": "not_started", "exit_code": code}
        else:
            finish |= self._outcome()
            if request["expect"] is not None or self._again.attempts != 1:
                cut_short = finish["outcome"] in ("cancelled", STOPPED)
                finish |= {"verdict": "" if cut_short else self._verdict, "why": self._why}
                finish["then"] = request["on_fail"] if finish["verdict"] == verdict.FAILED else ""
            if finish["outcome"] == "exited" and self._verdict != verdict.FAILED:
                notes.append(self._capture(finish))
            left = processes.descendants(os.getpid())
            if left:
                what = "could not be ended" if self._ending else "started by it and still running"
                notes.append(f"{what}: {processes.names(left)}")
            notes.append(self._about_far_side(finish))
        try:
            from console.runbook import output

            finish |= output.extracts(self._spool.first, self._spool.last, kept["size"], {})
        except ImportError:
            pass  # an upgrade in the meantime: the record goes without extracts, the spool has it all
        finish["error"] = "; ".join(note for note in notes if note)
        return finish

    def _capture(self, finish: dict[str, Any]) -> str:
        """Take the values that later steps want from the output; a word on those that are not there."""
        out, err, values, problems = self._streams.text.text, self._streams.errors.text, {}, []
        for name, how in self._request["capture"].items():
            value, problem = verdict.capture(how, out, err, finish.get("exit_code"))
            if problem:
                problems.append(f"no value for {name}: {problem}")
            else:
                values[name] = value
        finish["captured"] = values
        return "; ".join(problems)

    def _about_far_side(self, finish: dict[str, Any]) -> str:
        if self._stdin < 0:
            return ""
        from console.runbook import remote

        host = self._request["host"]
        if self._ending and time.monotonic() >= self._kill_at:
            return f"ssh was ended here; whether it still runs on {host} is not known"
        return remote.explanation(host, finish.get("exit_code"))

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

    def _prune(self) -> None:
        """Whoever adds to the spool keeps it small: no console and no watch needs to be there for it."""
        if self._request["keep"] is None:
            return
        try:
            from pathlib import Path

            from console.runbook.retention import prune

            total, age_s = self._request["keep"]
            prune(Path(self._folder), total=total, age_s=age_s, now=time.time())
        except ImportError:
            pass  # an upgrade in the meantime

    def _rest(self, seconds: float) -> None:
        """Wait, and keep what is left of the command from blocking on its output."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._discard(left)

    def _linger(self) -> None:
        """A service that the command started may still write here: without a reader its next line would kill it."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        while self._streams.is_open:
            self._discard(3600.0)

    def _discard(self, seconds: float) -> None:
        for handle, _ in self._poll.poll(seconds * 1000):
            if handle in self._streams:
                self._streams.discard(handle)
            else:
                empty(self._wake)
        processes.reap()


def by(whom: str, *, follow: bool) -> tuple[str, str]:
    """``(outcome, words)`` of a command that *whom* ends; *follow*: that is how such a one ends as a rule."""
    return (STOPPED, f"ended by {whom}") if follow else ("cancelled", f"cancelled by {whom}")


def empty(handle: int) -> None:
    """Read what woke us."""
    try:
        while os.read(handle, 512):
            pass
    except BlockingIOError:
        pass
