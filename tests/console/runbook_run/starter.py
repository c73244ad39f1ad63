"""A console that starts commands until it is killed: ``python starter.py DB STREAM SPOOL SCRIPT-FILE [many]``."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

from console.journal.events import Origin
from console.journal.store import Journal
from console.runbook.launch import CommandRequest, start_command

database, stream, spool, script, *many = sys.argv[1:]
with Journal.open(Path(database), actor="bob", origin=Origin(program="console")) as journal:
    while True:
        request = CommandRequest(text="as shown", script=Path(script).read_text(), stream=stream, cwd=Path("/"))
        print(start_command(journal, SimpleNamespace(spool=Path(spool)), request).command, flush=True)
        if not many:
            time.sleep(600)
