"""The screen that the launcher (``bin/vigie``) shows before Python is there, and what of it stands when Python is.

A shell can't check UTF-8, and knows neither the size of the terminal nor a clock that costs nothing. So this file is not
the one of :mod:`screens.kept`: rows in ASCII alone, each piece with its place, and the facts that one ``stat`` can
compare. The recipe of its name stands here and in the launcher; ``tests/screens/test_launcher.py`` holds them together.
The standard library only, while starting.
"""

from __future__ import annotations

import os
import stat
import sys

from screens.kept import CLOCKS, HIGHEST, WIDEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FORM = "vigie-launch 1"
_END = "end"
LARGEST = 4096  # bytes of a file
_NAME = 230  # bytes of its name, at most
_ENOUGH = 480  # characters of rows: the worst stands first, and the live screen follows on the same link
_HANDLE = 3  # what the launcher read from is open as this
_SAID = "VIGIE_LAUNCHED"  # the age that it showed
_ECHO = 3  # cells at the end of the second row, where what was typed may stand
_GAP = 6  # blanks that are cheaper to step over


class Launch:
    """Which file the launcher looks for, and where it takes database and configuration to be."""

    __slots__ = ("config", "database", "folder", "key", "path")

    def __init__(self, options: Mapping[str, object], environ: Mapping[str, str], folder: str) -> None:
        def named(option: str, *variables: str) -> str:
            found = (str(options.get(option) or ""), *(environ.get(name, "") for name in variables))
            return next((value for value in found if value), "")

        def whole(path: str) -> str:
            return path if not path or path.startswith("/") else f"{environ.get('PWD', '')}/{path}"

        def value(name: str) -> str:
            return environ.get(name, "")

        home = value("HOME")
        self.database, self.config = whole(named("db", "VIGIE_DB")), whole(named("config", "VIGIE_CONFIG"))
        actor = named("actor", "VIGIE_ACTOR", "SUDO_USER")
        short = f"{self.database}|{self.config}|{actor}|{value('TERM')}"
        more = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "LC_ALL", "LC_CTYPE", "LANG", "VIGIE_ASCII")
        self.folder = folder
        self.key = "|".join((short, home, *map(value, more)))
        self.path = f"{folder}/{_joined(short)}"
        self.database = self.database or f"{value('XDG_DATA_HOME') or f'{home}/.local/share'}/vigie/vigie.db"
        self.config = self.config or f"{value('XDG_CONFIG_HOME') or f'{home}/.config'}/vigie/vigie.yaml"
        if not os.path.exists(self.config):  # noqa: PTH110  # no pathlib yet
            self.config = "/etc/vigie/vigie.yaml"
        if not os.path.exists(self.config):  # noqa: PTH110
            self.config = ""

    @property
    def is_possible(self) -> bool:
        """Whether such a file can be, and be read line by line."""
        name = os.fsencode(self.path.rpartition("/")[2])
        return "\n" not in self.key and "\0" not in self.key and len(name) <= _NAME


def _joined(short: str) -> str:
    """What a shell makes of it when it splits at slashes and joins with pluses: one slash at the very end is lost."""
    return short.removesuffix("/").replace("/", "+")


def place_of(options: Mapping[str, object], environ: Mapping[str, str]) -> Launch | None:
    """Where the launcher looks for the screen of a console with these options; None where it would show none."""
    home, cache = environ.get("HOME", ""), environ.get("XDG_CACHE_HOME", "")
    if not cache:
        cache = f"{home}/.cache" if home.startswith("/") else ""
    if not cache.startswith("/"):
        return None
    launch = Launch(options, environ, f"{cache}/vigie/launch")
    return launch if launch.is_possible else None


# ── what it showed ───────────────────────────────────────────────────────────────────────────────────────────────────


def pieces_shown(environ: Mapping[str, str]) -> list[tuple[int, int, str]] | None:
    """Row, column (from 0) and text of what the launcher has painted, [] where nobody can say; None: it painted nothing.

    What it said is taken out of the environment, and its file is closed.
    """
    said = environ.get(_SAID)
    if said is None:
        return None
    os.environ.pop(_SAID, None)
    try:
        found = os.fstat(_HANDLE)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            return []
        data = os.pread(_HANDLE, LARGEST, 0)
        os.close(_HANDLE)
    except OSError:
        return []
    return _pieces(data)


def _pieces(data: bytes) -> list[tuple[int, int, str]]:
    found = []
    try:
        lines = data.decode("utf-8", "surrogateescape").split("\n")
        if lines[0] != _FORM:
            return []
        for line in lines[3 : lines.index(_END)]:
            where, _, text = line.partition(" ")
            row, _, column = where.partition(";")
            found.append((int(row) - 1, int(column) - 1, text))
    except ValueError:
        return []
    return found


def rows_of(pieces: Sequence[tuple[int, int, str]], width: int, height: int) -> list[str]:
    """The rows of the terminal with *pieces* on it; ``\\0`` where what stands there is not known."""
    rows = [[" "] * width for _ in range(height)]
    for y, x, text in pieces:
        if y < height and x < width:
            rows[y][x : x + len(text)] = text[: width - x]
            if x + len(text) > width:  # the terminal has each further character there
                rows[y][-1] = "\0"
    if height > 1:
        rows[1][-_ECHO:] = "\0" * min(_ECHO, width)
    return ["".join(row) for row in rows]


# ── what it will show ────────────────────────────────────────────────────────────────────────────────────────────────


def form(rows: Sequence[Sequence[str]], launch: Launch, at: float, database: str, config: str) -> bytes | None:
    """What the launcher is to show of a screen of cells; None where it would look for another database or configuration
    than these, or there is nothing to show."""
    height, width = len(rows), len(rows[0]) if rows else 0
    known = _facts(database, config)
    if not (0 < width <= WIDEST and 0 < height <= HIGHEST) or at < 0 or not known:
        return None
    if known != _facts(launch.database, launch.config):
        return None
    lines = [_FORM, launch.key, f"{int(at)} {known}"]
    spent = 0
    for y, cells in enumerate(rows[:-1]):
        if spent >= _ENOUGH:
            break
        for x, text in _texts(cells[:-CLOCKS] if y < 2 else cells):
            lines.append(f"{y + 1};{x + 1} {text}")
            spent += len(text)
    data = "\n".join((*lines, _END, "")).encode("utf-8", "surrogateescape")
    return data if len(data) <= LARGEST and len(lines) > 3 else None


def _facts(database: str, config: str) -> str:
    """Which interpreter, database and configuration these are, as the launcher puts it; "" where they can't be told."""
    try:
        python, base = os.stat(sys.executable), os.stat(database)  # noqa: PTH116
        of_config = "0:0"
        if config:
            found = os.stat(config)  # noqa: PTH116
            of_config = f"{found.st_dev}:{found.st_ino}:{_seconds(found)}"
    except (OSError, ValueError):
        return ""
    return f"{python.st_dev}:{python.st_ino}:{_seconds(python)} {base.st_dev}:{base.st_ino} {of_config}"


def _seconds(found: os.stat_result) -> int:
    return found.st_mtime_ns // 1_000_000_000


def _texts(cells: Sequence[str]) -> list[tuple[int, str]]:
    """The words of a row in ASCII, each with its column; the launcher shows no other characters."""
    from screens.glyphs import ASCII, UNICODE, plain

    signs = {sign: ASCII[name] for name, sign in UNICODE.items() if len(ASCII[name]) == 1}
    row = ""
    for x, cell in enumerate(cells):
        if cell:
            wide = 2 if x + 1 < len(cells) and not cells[x + 1] else 1
            text = signs.get(cell) or (cell if cell.isascii() else plain(cell))
            row += text if len(text) == wide and text.isprintable() else "?" * wide
    found, at = [], 0
    for piece in row.split(" " * _GAP):
        words = piece.strip(" ")
        if words:
            found.append((at + len(piece) - len(piece.lstrip(" ")), words))
        at += len(piece) + _GAP
    return found
