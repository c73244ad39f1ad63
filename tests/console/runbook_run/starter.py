"""A console that starts one command and then waits to be killed: ``python starter.py DB STREAM SPOOL SCRIPT-FILE``."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

from console.journal.events import Origin
from console.journal.store import Journal
from console.runbook.launch import CommandRequest, start_command

database, stream, spool, script = sys.argv[1:]
with Journal.open(Path(database), actor="bob", origin=Origin(program="console")) as journal:
    request = CommandRequest(text="as shown", script=Path(script).read_text(), stream=stream, cwd=Path("/"))
    print(start_command(journal, SimpleNamespace(spool=Path(spool)), request).command, flush=True)
time.sleep(600)
