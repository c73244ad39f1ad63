"""Run inside a mount namespace of its own: a command fills a small disk that holds spool and journal. Prints JSON."""

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil

from console.journal.events import CommandFinished, Declared, New, Origin
from console.journal.store import Journal
from console.runbook import status
from console.runbook.launch import CommandRequest, start_command


class Places:
    spool = Path(sys.argv[1]) / "spool"


def wait(condition: object, what: str) -> None:
    limit = time.monotonic() + 60
    while not condition():  # type: ignore[operator]  # a function
        if time.monotonic() > limit:
            sys.exit(f"never came: {what}")
        time.sleep(0.01)


def is_room(disk: Path) -> bool:
    try:
        (disk / "probe").write_bytes(b"x" * 100_000)
    except OSError:
        return False
    finally:
        (disk / "probe").unlink(missing_ok=True)
    return True


def main() -> None:
    disk = Path(sys.argv[1])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], check=True)
    ballast = disk / "ballast"
    ballast.write_bytes(b"x" * 2_000_000)
    origin = Origin(program="cli", host="here", tty="", uid=7)
    with Journal.open(disk / "vigie.db", actor="ana", origin=origin) as journal:
        stream, _, _ = journal.declare([New(body=Declared(title="full"))])
        request = CommandRequest(
            text="x", script="yes | head -c 20000000; echo the end", stream=stream, cwd=Path("/"), cap_bytes=16_000_000
        )
        handle = start_command(journal, Places(), request)
        found: dict[str, object] = {}
        wait(lambda: found.update(status.read(str(Places.spool), handle.command) or {}) or "pid" in found, "its pid")
        wait(lambda: not psutil.Process(found["pid"]).children(), "the command's end")
        wait(lambda: not is_room(disk), "a full disk")
        before = sum(isinstance(event.body, CommandFinished) for event in journal.all(stream))
        ballast.unlink()
        wait(lambda: handle.is_recorded, "the record")
        finish = next(event.body for event in journal.all(stream) if isinstance(event.body, CommandFinished))
        told = {name: getattr(finish, name) for name in ("outcome", "exit_code", "size", "kept", "error", "tail")}
        print(json.dumps({**told, "before": before, "file": handle.output.stat().st_size}))


main()
