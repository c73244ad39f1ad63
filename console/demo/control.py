"""``ternctl``: what the operators of the demo's services have at hand. Their runbooks call it.

It finds the services by ``TERN_HOME``. Exit 0: done; 1: the service refused; 2: usage, or no service there.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final

from console.demo.service import call

# what is typed → (service, method, path)
VERBS: Final = {
    ("feed", "status"): ("feed", "GET", "/health"),
    ("feed", "resume"): ("feed", "POST", "/resume"),
    ("capture", "on"): ("feed", "POST", "/capture/on"),
    ("capture", "off"): ("feed", "POST", "/capture/off"),
    ("api", "status"): ("api", "GET", "/health"),
    ("api", "restart"): ("api", "POST", "/restart"),
    ("volume", "status"): ("storage", "GET", "/volume"),
}


def main(argv: list[str]) -> int:
    """Run one verb; prints the service's answer, a line a value."""
    verb = VERBS.get((argv[0], argv[1])) if len(argv) == 2 else None
    if verb is None:
        known = ", ".join(" ".join(words) for words in VERBS)
        sys.stderr.write(f"ternctl: expected one of: {known}\n")
        return 2
    service, method, path = verb
    try:
        ports = json.loads(Path(os.environ["TERN_HOME"], "services.json").read_text(encoding="utf-8"))
        port = int(ports[service])
    except (KeyError, OSError, ValueError):
        sys.stderr.write("ternctl: TERN_HOME does not lead to running services\n")
        return 2
    status, body = call(port, method, path)
    for name, value in body.items():
        if value != "":
            sys.stdout.write(f"{name:<20} {value}\n")
    if status == 0:
        return 2
    return 0 if status < 400 or method == "GET" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
