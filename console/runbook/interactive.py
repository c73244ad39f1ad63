"""A command that has the operator's terminal (``tty: yes``), here or by ssh, and its record: start, end, what was seen.

This process stands between the terminal and the command, as script(1) does: the command gets a pseudo-terminal of its own,
as its controlling one; keys go in, output goes out and, masked, into the spool. It records the end itself, also when the
terminal or the console is gone. What is typed is kept only as far as the command shows it.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import struct
import sys
import termios
import time
from typing import Any

from console.runbook import far_terminal, spawn, spool, status
from console.runbook.processes import become_subreaper, descendants, send

CHUNK = 1 << 16
HANGUP_S = 5.0  # after the terminal is gone: SIGHUP first, then SIGKILL
RECORD_FOR_S = 30.0


def main(handle: int) -> None:
    """Read the request from *handle*, run the command on the terminal at descriptor 0, and exit as it does."""
    with open(handle, "rb") as file:
        request = json.loads(file.read())
    sys.path.extend(entry for entry in request["path"] if entry not in sys.path)
    os.set_inheritable(int(request["output"]), False)
    code = 125
    try:
        code = Interactive(request).run()
    finally:
        os._exit(code)


class Interactive:
    """One command on one terminal."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        self._status: dict[str, Any] = {**request["status"], "state": status.STARTING, "pid": os.getpid()}
        self._spool = spool.Spool(
            request["spool"], self._status["command"], int(request["output"]), cap=request["cap"], mode=request["mode"]
        )
        from console.runbook.mask import Masker

        self._mask = Masker(request["forms"])
        self._handing: far_terminal.Handing | None = None  # until the far side has its script
        self._outgoing = b""  # what the command's terminal has no room for yet
        self._master = -1
        self._child = -1
        self._gone = False
        self._hung_up_at = 0.0
        self._ended_by = ""

    def run(self) -> int:
        """From its start to its record; what a shell would exit with."""
        status.write(self._request["spool"], self._status, mode=self._request["mode"])
        began, began_at = time.monotonic(), time.time_ns() // 1000
        before = _settings()
        error, wait = "", 0
        try:
            self._start()
            wait = self._copy()
        except spawn.SpawnError as problem:
            error, wait = str(problem), problem.code << 8
        except OSError as problem:
            error, wait = f"can't start: {problem.strerror}", 126 << 8
        finally:
            _set(before)
        duration = int((time.monotonic() - began) * 1000)
        code = os.waitstatus_to_exitcode(wait)
        self._finish(error, code, duration, began_at + duration * 1000)
        return code if code >= 0 else 128 - code

    def _start(self) -> None:
        request = self._request
        become_subreaper()
        self._master, slave = os.openpty()
        self._resize()
        told, tell = os.pipe2(os.O_CLOEXEC)
        argv, source = list(request["argv"]), -1
        if request["script"] is not None:
            source = spawn.anonymous_file(request["script"])
            argv.append(f"/dev/fd/{source}")
        if request["payload"] is not None:
            self._handing = far_terminal.Handing(request["payload"].encode("utf-8", "surrogateescape"))
        os.set_blocking(self._master, False)
        self._child = os.fork()
        if self._child == 0:
            os.close(self._master)
            spawn.become(argv, {**os.environ, **request["env"]}, request["cwd"], tell, (slave, slave, slave), tty=True)
        os.close(slave)
        os.close(tell)
        if source >= 0:
            os.close(source)
        word = os.read(told, 64)
        os.close(told)
        if word:
            os.waitpid(self._child, 0)
            where, _, number = word.decode().partition(":")
            raise spawn.explain(where, int(number), argv[0], request["cwd"])
        self._status |= {"state": status.RUNNING, "child": self._child}
        status.write(request["spool"], self._status, mode=request["mode"])
        signal.signal(signal.SIGWINCH, lambda *_: self._resize())
        for ending in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(ending, self._hang_up)
        for ignored in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN, signal.SIGPIPE):
            signal.signal(ignored, signal.SIG_IGN)
        _raw()

    def _resize(self) -> None:
        try:
            size = fcntl.ioctl(0, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)
        except OSError:
            pass

    def _hang_up(self, number: int, _frame: object) -> None:
        self._ended_by = self._ended_by or f"its terminal is gone ({signal.Signals(number).name})"
        self._gone = True

    def _copy(self) -> int:
        """Keys in, output out, until it ends; its wait status."""
        watched = [0, self._master]
        offset = 0
        while True:
            if self._gone:
                watched = [one for one in watched if one != 0]
                self._push_out()
            writing = [self._master] if self._outgoing and self._master in watched else []
            # One who pastes more than the command takes waits for it.
            reading = [one for one in watched if one != 0 or not writing]
            ready, room, _ = select.select(reading, writing, [], 0.2)
            if room:
                self._send(b"")
            if 0 in ready and not self._take_keys():
                self._gone, self._ended_by = True, self._ended_by or "its terminal is gone"
            if self._master in ready and not self._take_output():
                watched.remove(self._master)
            found, offset = status.requests(self._request["spool"], self._status["command"], offset)
            for one in found:
                if one.get("do") == "cancel":
                    self._gone, self._ended_by = True, f"cancelled by {one.get('by') or 'somebody'}"
            pid, wait = os.waitpid(self._child, os.WNOHANG)
            if pid:
                while self._master in watched and self._take_output():
                    pass
                self._keep(self._mask.flush())
                return wait

    def _push_out(self) -> None:
        now = time.monotonic()
        if not self._hung_up_at:
            self._hung_up_at = now
            send(descendants(os.getpid()), signal.SIGHUP)
            send(descendants(os.getpid()), signal.SIGCONT)
        elif now > self._hung_up_at + HANGUP_S:
            send(descendants(os.getpid()), signal.SIGKILL)

    def _take_keys(self) -> bool:
        try:
            data = os.read(0, CHUNK)
        except OSError:
            return False
        if not data:
            return False
        handing = self._handing
        if handing is None:
            self._send(data)
            return True
        handing.typed(data)
        if handing.interrupted:
            self._gone, self._ended_by = True, self._ended_by or "ctrl-C before it began there"
        return True

    def _send(self, data: bytes) -> None:
        """*data* to the command, as much as there is room for; the rest when there is."""
        self._outgoing += data
        try:
            while self._outgoing:
                self._outgoing = self._outgoing[os.write(self._master, self._outgoing) :]
        except BlockingIOError:
            pass
        except OSError:  # nobody reads any more
            self._outgoing = b""

    def _take_output(self) -> bool:
        try:
            data = os.read(self._master, CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            return False
        if not data:
            return False
        if self._handing is not None:
            data = self._handing.came(data)
            if self._handing.ready:
                handing, self._handing = self._handing, None
                _take_bytes(self._master)  # ssh does so itself by now, or is about to
                self._send(handing.sent())
        self._keep(self._mask.feed(data))
        rest = memoryview(data)
        try:
            while rest and not self._gone:
                rest = rest[os.write(1, rest) :]
        except OSError:
            self._gone, self._ended_by = True, self._ended_by or "its terminal is gone"
        return True

    def _keep(self, data: bytes) -> None:
        if data:
            self._spool.write(data)

    def _finish(self, error: str, code: int, duration_ms: int, ended_us: int) -> None:
        from console.runbook import output, record, remote

        kept = self._spool.finish()
        far = remote.explanation(self._request["host"], code) if self._request["payload"] is not None else ""
        found: dict[str, Any] = {
            "command": self._status["command"],
            "run": self._status["run"],
            "step": self._status["step"],
            "duration_ms": duration_ms,
            "sha256": kept["sha256"],
            "size": kept["size"],
            "kept": kept["kept"],
            "masked": self._mask.count,
            "error": "; ".join(note for note in (error, self._ended_by or far, self._spool.problem) if note),
            **output.extracts(self._spool.first, self._spool.last, kept["size"], {}),
        }
        if error:
            found |= {"outcome": "not_started", "exit_code": code}
        else:
            found |= {"exit_code": code} if code >= 0 else {"signal": -code}
            found["outcome"] = "cancelled" if self._ended_by else "exited" if code >= 0 else "signalled"
        layout = {name: kept[name] for name in ("head", "cut", "tail", "tail_at", "size")}
        self._status |= {"state": status.FINISHED, "finish": found, "ended_us": ended_us, "layout": layout}
        folder, mode = self._request["spool"], self._request["mode"]
        status.write(folder, self._status, mode=mode, sync=True)
        until = time.monotonic() + RECORD_FOR_S
        while True:
            try:
                record.append_finish(self._request["journal"], self._status)
                status.write(folder, {**self._status, "state": status.RECORDED}, mode=mode)
                break
            except record.GiveUp:
                break
            except Exception:  # kept in the status file; the next console records it
                if time.monotonic() > until:
                    break
                time.sleep(0.2)
        self._spool.close()


def _settings() -> list[Any] | None:
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None


def _set(settings: list[Any] | None) -> None:
    if settings is not None:
        try:
            termios.tcsetattr(0, termios.TCSADRAIN, settings)
        except termios.error:
            pass


def _take_bytes(terminal: int) -> None:
    """A terminal that shows nothing of what comes in and takes no byte for a key; what is written on it, it treats as ever."""
    settings = termios.tcgetattr(terminal)
    settings[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON | termios.ISTRIP)
    settings[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
    termios.tcsetattr(terminal, termios.TCSANOW, settings)


def _raw() -> None:
    import tty

    try:
        tty.setraw(0, termios.TCSANOW)
    except termios.error:
        pass
