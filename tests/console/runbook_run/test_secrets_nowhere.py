"""A secret of a run, looked for everywhere: it is in the environment of its own command, and nowhere else."""

from __future__ import annotations

import base64
import os
import pty
import subprocess
import sys
from pathlib import Path

import psutil

from console.runbook import handle as handles
from console.runbook import status

from .conftest import Desk, until

SECRET = "s3cr3t-of-this-very-test"
BOOK = """id: RB-S
title: With a secret
params:
  token: {secret: true}
phases:
  - title: P
    steps:
      - id: a
        kind: run
        title: Log in
        run: |
          echo "as $token"; echo "$token" | base64; echo "$token" >&2
          sleep 600
"""


def everywhere(folder: Path) -> list[str]:
    """The files below *folder* that hold it, plain or as base64."""
    wanted = (SECRET.encode(), base64.b64encode(SECRET.encode())[:-4], SECRET.encode().hex().encode())
    found = (path for path in folder.rglob("*") if path.is_file())
    return [path.name for path in found if any(one in path.read_bytes() for one in wanted)]


def holders(what: str) -> dict[int, str]:
    """The processes of ours whose *what* (``environ`` or ``cmdline``) holds it: pid → name."""
    found = {}
    for process in psutil.process_iter():
        try:
            if SECRET.encode() in Path(f"/proc/{process.pid}/{what}").read_bytes():
                found[process.pid] = process.name()
        except (OSError, psutil.Error):
            continue
    return found


def test_a_secret_is_nowhere_but_in_its_commands_environment(desk: Desk, tmp_path: Path) -> None:
    """The guided run on a terminal: it is asked for without an echo, used, and the run is left."""
    book = tmp_path / "secret.runbook.yaml"
    book.write_text(BOOK)
    home = tmp_path / "home"
    home.mkdir()
    master, slave = pty.openpty()
    vigie = Path(sys.executable).with_name("vigie")
    argv = [vigie, "--db", desk.journal.path, "--actor", "ana", "runbooks", "run"]
    guided = subprocess.Popen(
        [*argv, book, "--plain"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=tmp_path,
        start_new_session=True,
        env={**os.environ, "HOME": str(home)},
    )
    os.close(slave)
    seen = b""

    def shows(words: bytes) -> bool:
        nonlocal seen
        os.set_blocking(master, False)
        try:
            seen += os.read(master, 65536)
        except (BlockingIOError, OSError):
            pass
        return words in seen

    try:
        until(lambda: shows(b"> ") and seen.endswith(b"> "), "the first step")
        os.write(master, b"x\n")
        until(lambda: shows(b"token = "), "the question for it")
        os.write(master, SECRET.encode() + b"\n")
        until(lambda: shows(b"(secret)") and seen.endswith(b"> "), "the step with its value")
        os.write(master, b"x\n")
        until(lambda: shows(b"as [secret token]"), "its output")
        (found,) = status.unrecorded(str(desk.spool))
        family = {found["child"], *(child.pid for child in psutil.Process(found["child"]).children(recursive=True))}
        assert set(holders("environ")) and set(holders("environ")) <= family
        assert holders("cmdline") == {}
        assert everywhere(tmp_path) == everywhere(desk.journal.path.parent) == []
        handle = handles.CommandHandle.of(desk.spool, found)
        handles.cancel(handle, "ana")
        finish = desk.end(handle)
        assert finish.masked >= 3
        assert "s3cr3t" not in str(desk.events())
        until(lambda: shows(b"cancelled by ana") and seen.endswith(b"> "), "its end")
        os.write(master, b"q\n")
        assert guided.wait(30) == 1
        assert SECRET.encode() not in seen
        assert everywhere(tmp_path) == everywhere(desk.journal.path.parent) == []
    finally:
        guided.kill()
        guided.wait()
        os.close(master)
