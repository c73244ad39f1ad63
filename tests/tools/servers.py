"""Find the programs that tests talk to: on the host, or unpacked by ``fetch_servers.sh``; else skip by name."""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
ROOT = REPO / ".cache" / "servers" / "root"
# Every reason starts with this, so that the summary can collect them (tests/conftest.py).
MISSING = "test server missing: "

_FOLDERS = ("usr/bin", "usr/sbin", "bin", "sbin", "usr/local/bin", "usr/lib/postgresql/15/bin")


@cache
def find(name: str) -> Path | None:
    """The program *name*, from the host's PATH (and sbin) or the cache; None when neither has it."""
    host = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]))
    if host is not None:
        return Path(host)
    for folder in _FOLDERS:
        candidate = ROOT / folder / name
        if os.access(candidate, os.X_OK):
            return candidate
    return None


def require(name: str) -> Path:
    """The program *name*; skips the test, by name, where it is missing."""
    found = find(name)
    if found is None:
        pytest.skip(f"{MISSING}{name} (make servers)", allow_module_level=True)
    return found


def environment() -> dict[str, str]:
    """This process's environment, with the libraries that came with the unpacked programs."""
    libraries = [str(path) for path in sorted(ROOT.glob("usr/lib/*-linux-gnu")) + sorted(ROOT.glob("lib/*-linux-gnu"))]
    before = os.environ.get("LD_LIBRARY_PATH")
    joined = os.pathsep.join([*([before] if before else []), *libraries])
    return {**os.environ, **({"LD_LIBRARY_PATH": joined} if joined else {})}
