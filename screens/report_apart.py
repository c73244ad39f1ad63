"""A long report built by a process of its own: the keys stay quick, it tells how far it is, and it can be stopped at once.

What is asked goes to it on stdin (nothing of it stands in an argument list), rows go into a file without a name that both
hold open, and a line of JSON says how far it is. Run as a program, this is that process.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from screens.look import Look
from screens.report_build import Gap, Report, Rows, Stopped, compose, put_markdown

if TYPE_CHECKING:
    from screens.start import Deps

LONG: Final = 3000  # events from which on a process of its own is worth its start
_LOOK_S: Final = 0.1  # how often it is asked whether anybody still wants it
_PASSES: Final = 3  # over the events: what there is, the story, the appendix
Told = Callable[[float], object]  # how far it is, 0 to 1


def build(deps: Deps, stream: str, width: int, look: Look, wanted: Callable[[], bool], told: Told) -> Report:
    """As :func:`screens.report_build.build`. Blocks; *wanted* is asked and *told* is called in this thread."""
    file = tempfile.TemporaryFile(prefix="vigie-report-")  # noqa: SIM115 - closed with the rows
    with tempfile.TemporaryFile(prefix="vigie-report-") as ends_file:
        try:
            asked = {"width": width, "ascii": look.ascii_only, "rows": file.fileno(), "ends": ends_file.fileno()}
            found = _run(deps, stream, asked, (file.fileno(), ends_file.fileno()), wanted, told)
            ends = array("Q")
            ends_file.seek(0)
            ends.frombytes(ends_file.read())
        except BaseException:
            file.close()
            raise
    gaps = tuple(Gap(**gap) for gap in found.pop("gaps"))
    return Report(**found, rows=Rows(file, ends), gaps=gaps)


def fill(deps: Deps, stream: str, descriptor: int, wanted: Callable[[], bool], told: Told) -> None:
    """The report's Markdown to *descriptor*. Blocks."""
    _run(deps, stream, {"markdown": descriptor}, (descriptor,), wanted, told)


def _run(
    deps: Deps, stream: str, asked: dict[str, Any], descriptors: tuple[int, ...], wanted: Callable[[], bool], told: Told
) -> dict[str, Any]:
    asked |= {"database": str(deps.paths.database), "stream": stream}
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "screens.report_apart"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=descriptors,
        start_new_session=True,  # ctrl-C and ctrl-Z are the console's
    )
    to, back = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
    try:
        with to:
            to.write(json.dumps(asked).encode())
        held = b""
        while True:
            if not wanted():
                raise Stopped
            if not select.select([back], [], [], _LOOK_S)[0]:
                continue
            data = os.read(back.fileno(), 65536)
            if not data:
                raise OSError(f"the process that builds the report ended ({child.wait()})")
            *lines, held = (held + data).split(b"\n")
            for line in lines:
                said = json.loads(line)
                if "failed" in said:
                    raise OSError(said["failed"])
                if "done" in said:
                    done: dict[str, Any] = said["done"]
                    return done
                told(said["share"])
    except BrokenPipeError:
        raise OSError(f"the process that builds the report ended ({child.wait()})") from None
    finally:
        child.kill()
        child.wait()
        back.close()


# ── the process ─────────────────────────────────────────────────────────────────────────────────────────────────


def main() -> int:
    """Build what stdin asks for; say on stdout how far it is."""
    from dataclasses import asdict

    from console.journal.errors import JournalError
    from console.journal.events import Origin
    from console.journal.store import Journal
    from console.report.postmortem import TemplateProblem

    os.nice(5)  # after the keys, and after the watch
    asked = json.load(sys.stdin)
    out = sys.stdout

    def say(**what: Any) -> None:
        out.write(json.dumps(what) + "\n")
        out.flush()

    try:
        origin = Origin(program="console")
        with Journal.open(Path(asked["database"]), actor="", origin=origin, read_only=True, create=False) as journal:
            total = max(_PASSES * journal.head(asked["stream"])[0], 1)
            read = 0

            def reading(number: int) -> None:
                nonlocal read
                before, read = read, read + number
                if read * 100 // total != before * 100 // total:
                    say(share=min(read / total, 1.0))

            journal.reading = reading
            if "markdown" in asked:
                put_markdown(journal, asked["stream"], asked["markdown"])
                say(done={})
                return 0
            rows = Rows(os.fdopen(asked["rows"], "wb", closefd=False))
            report = compose(journal, asked["stream"], asked["width"], Look(ascii_only=asked["ascii"]), rows)
            with os.fdopen(asked["ends"], "wb", closefd=False) as ends:
                ends.write(rows.ends.tobytes())
            found = {
                name: getattr(report, name) for name in report.__dataclass_fields__ if name not in ("rows", "gaps")
            }
            say(done={**found, "gaps": [asdict(gap) for gap in report.gaps]})
    except (JournalError, TemplateProblem, LookupError, OSError) as error:
        say(failed=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
