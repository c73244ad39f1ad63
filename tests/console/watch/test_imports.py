"""What a console needs of the watch costs it nothing heavy."""

from __future__ import annotations

import subprocess
import sys


def test_reading_the_status_loads_no_network_and_no_probe() -> None:
    code = (
        "import sys, console.watch.keeper, console.watch.status_reader, console.watch.acknowledge, console.services\n"
        "print([m for m in ('asyncio', 'ssl', 'httpx', 'psutil', 'textual', 'ulid', 'console.watch.probing') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
