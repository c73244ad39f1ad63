"""The database is opened by SQLite and by nobody else in the process.

Closing a handle of our own would drop SQLite's POSIX locks on the file, and an acknowledged event could vanish. SQLite
opens with O_NOFOLLOW; Python's ``open`` does not: that tells them apart.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.servers import environment, require

ROUND = """
import sys
from pathlib import Path
from console.journal.store import Journal
from console.journal.writer import Writer
from console.journal.events import Declared, New, Noted, Origin
path = Path(sys.argv[1])
def opened():
    return Journal.open(path, actor="a", origin=Origin(program="cli"))
with opened() as journal:
    stream = journal.declare([New(body=Declared(title="t"))])[0]
    (event,) = journal.append(stream, [New(body=Noted(text="secret"))])
    journal.redact(event.id, "r")
    journal.verify(stream); journal.check_integrity(); journal.copy_into(path.with_name("copy.db"))
writer = Writer(opened)
writer.submit(stream, [New(body=Noted(text="x"))]).result()
writer.close()
{extra}
"""


def opens(tmp_path: Path, extra: str) -> list[str]:
    strace = require("strace")
    database, log = tmp_path / "v.db", tmp_path / "strace.log"
    script = ROUND.format(extra=extra)
    command = [
        str(strace),
        "-f",
        "-e",
        "trace=open,openat,openat2",
        "-o",
        str(log),
        sys.executable,
        "-c",
        script,
        str(database),
    ]
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=100)
    if b"ptrace" in done.stderr or b"PTRACE" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    return [line for line in log.read_text().splitlines() if re.search(rf'"{re.escape(str(database))}(-\w+)?"', line)]


def test_only_sqlite_opens_the_database(tmp_path: Path) -> None:
    found = opens(tmp_path, "")
    assert len(found) > 3
    assert all("O_NOFOLLOW" in line for line in found), [line for line in found if "O_NOFOLLOW" not in line]


def test_the_test_would_notice(tmp_path: Path) -> None:
    found = opens(tmp_path, "path.open('rb').close()")
    assert any("O_NOFOLLOW" not in line for line in found)
