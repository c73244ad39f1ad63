"""A console's side of the watch: say that it is here, see that somebody leads, start a watch when nobody does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from console.clock import Clock, SystemClock
from console.config import Config, Paths
from console.journal import place
from console.watch.lease import new_holder
from console.watch.status_reader import Heard, Presence, StatusReader

_BEAT_S: Final = 10.0  # a console is heard so often
_FIRST_RETRY_S: Final = 2.0  # after starting a watch that does not lead yet
_LONGEST_RETRY_S: Final = 60.0
_LOG_LIMIT: Final = 1_000_000  # bytes


def start(paths: Paths, config_file: Path | None) -> None:
    """Start a detached watch: its own session, no terminal, its words in a log, no secret in its argv."""
    command = [sys.executable, "-P", "-m", "console.daemon", "--db", str(paths.database)]
    if config_file is not None:
        command += ["--config", str(config_file.absolute())]
    file_mode = place.file_mode_of(paths.database)
    place.make_folder(paths.folder, file_mode)
    log = _open_log(paths.log, file_mode)
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            close_fds=True,
        )
        child.wait()  # it forks first of all
    finally:
        os.close(log)


def _open_log(path: Path, file_mode: int) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        if path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_name(path.name + ".1"))
    except OSError:
        pass
    try:
        log = os.open(path, flags | os.O_EXCL, file_mode)
        os.fchmod(log, file_mode)  # whatever the umask
    except FileExistsError:
        log = os.open(path, flags, file_mode)
    return log


def last_words(paths: Paths) -> str:
    """The last line of the log: why a watch ended."""
    try:
        with paths.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


class Keeper:
    """Called about once a second from a thread of the console's; see :meth:`tick`. Never raises."""

    def __init__(self, paths: Paths, config: Config, config_file: Path | None, clock: Clock | None = None) -> None:
        self._paths = paths
        self._config_file = config_file
        self._config_hash = config.hash()
        self._clock = clock or SystemClock()
        self._reader = StatusReader(paths.status_db, self._clock)
        self._presence = Presence(paths.status_db, new_holder(), self._clock)
        self._beat_at = float("-inf")
        self._start_at = float("-inf")
        self._retry_s = _FIRST_RETRY_S
        self.problem = ""  # one line for the operator; "" when all is well

    def tick(self) -> Heard:
        """Be heard, look who leads, start a watch when nobody does."""
        now = self._clock.boottime()
        if now - self._beat_at >= _BEAT_S:
            self._beat_at = now
            self._presence.beat()
        heard = self._reader.heard()
        if heard.alive:
            self._retry_s = _FIRST_RETRY_S
            self.problem = self._about(heard)
            return heard
        if now >= self._start_at:
            self.problem = f"no watch leads, starting one: {last_words(self._paths)}".rstrip(": ")
            try:
                start(self._paths, self._config_file)
            except OSError as error:
                self.problem = f"no watch leads, and none can be started: {error.strerror}"
            self._beat_at = float("-inf")  # the new one may make a new status.db
            self._start_at = self._clock.boottime() + self._retry_s
            self._retry_s = min(2 * self._retry_s, _LONGEST_RETRY_S)
        return heard

    def _about(self, heard: Heard) -> str:
        leader = heard.leader
        if leader is None:
            return ""
        if leader.config_hash != self._config_hash:
            return "the watch that leads has another configuration than this console"
        return leader.problem

    def close(self) -> None:
        """This console leaves; the watch ends by itself a minute after the last one."""
        self._presence.leave()
        self._reader.close()
