"""Where logind ends a user's processes at logout (``KillUserProcesses=yes``, logind.conf(5)), a supervisor needs a scope of
its own under the user's service manager: ``systemd-run --user --scope``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_FOLDERS: Final = ("/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd")
_LINGER: Final = Path("/var/lib/systemd/linger")


def kills_at_logout(user: str, folders: Sequence[str] = _FOLDERS) -> bool:
    """Whether what *user* leaves running is ended at logout. A lingering user's scopes live on, but not the session's
    own processes, so lingering makes no difference here."""
    settings: dict[str, str] = {}
    for path in _files(folders):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            key, equals, value = line.partition("=")
            if equals and not line.lstrip().startswith(("#", ";")):
                settings[key.strip().lower()] = value.strip()
    if settings.get("killuserprocesses", "no").lower() not in ("yes", "true", "1", "on"):
        return False
    if user in settings.get("killexcludeusers", "root").split():
        return False
    only = settings.get("killonlyusers", "").split()
    return not only or user in only


def _files(folders: Sequence[str]) -> list[Path]:
    """The main file of the last folder that has one, then the drop-ins by their names, whichever folder they are in."""
    main = [path for folder in folders if (path := Path(folder) / "logind.conf").is_file()]
    drops: dict[str, Path] = {}
    for folder in folders:
        for path in (Path(folder) / "logind.conf.d").glob("*.conf"):
            drops[path.name] = path
    return [*main[-1:], *(drops[name] for name in sorted(drops))]


def lingers(user: str, linger: Path = _LINGER) -> bool:
    """Whether the user's service manager outlives the last session (``loginctl enable-linger``)."""
    return (linger / user).exists()


def prefix(user: str, environ: Mapping[str, str] = os.environ, folders: Sequence[str] = _FOLDERS) -> list[str]:
    """What to put before a command so that it outlives the session; empty where nothing is needed or possible."""
    if not kills_at_logout(user, folders) or not environ.get("XDG_RUNTIME_DIR"):
        return []
    if shutil.which("systemd-run", path=environ.get("PATH")) is None:
        return []
    return ["systemd-run", "--user", "--scope", "--quiet", "--collect", "--"]
