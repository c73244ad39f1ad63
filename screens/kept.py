"""The screen that a console showed last, kept for the next start: a small text file in the operator's cache folder.

One line of facts, then the rows of the screen as plain text: no styles, no sequences. Whoever reads it back trusts
nothing in it: a file that is not exactly of this form, not this operator's alone, too large, or about a database or a
configuration that has changed meanwhile is not there. The standard library only, and little of that: this runs before
everything else is imported.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    class Spot(Protocol):
        """Where a file is kept."""

        @property
        def folder(self) -> str: ...

        @property
        def path(self) -> str: ...


_FORM = "vigie-kept 2"
LARGEST = 256 * 1024  # bytes of a file
WIDEST, HIGHEST = 1000, 500  # cells
_LEAST = (40, 10)  # on a smaller terminal the console itself shows nothing
OLDEST_S = 30 * 86400.0
_NUMBERS = 6  # when, width, height, the database's device and inode, when the configuration was changed
_BLANK = " " * 6
_FILES = 24  # kept in the folder: a database, an operator and a kind of terminal each
# Characters of rows that are shown: the worst stands first, and the live screen follows on the same link.
_ENOUGH = 720
CLOCKS = 13  # cells of the clocks on the right, "T+1234:00:00" is 12: no kept screen shows them
# Printable for Python, and yet nothing to be seen: joiners, fillers, variation selectors (as in console.sanitize).
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")


class Place:
    """Which file this console's screen is kept in. ``key`` is all that tells it from others', in words."""

    __slots__ = ("config", "folder", "key")

    def __init__(self, folder: str, key: str, config: str) -> None:
        self.folder = folder
        self.key = key
        self.config = config  # the configuration that was named; ""

    @property
    def path(self) -> str:
        """The file. Its name is short; the whole key stands in it."""
        number = 0xCBF29CE484222325  # FNV-1a, 64 bits: nothing has to be imported for it
        for byte in self.key.encode("utf-8", "surrogateescape"):
            number = (number ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
        return f"{self.folder}/{number:016x}"


class Kept:
    """A screen as it was: its rows, when (seconds since the epoch), on how many cells; and of the configuration, which has
    not changed since, what the next start needs first."""

    __slots__ = ("at", "database", "height", "rows", "severities", "title", "width")

    def __init__(
        self,
        rows: Sequence[str],
        width: int,
        height: int,
        at: float,
        *,
        database: str = "",
        title: str = "",
        severities: Sequence[str] = (),
    ) -> None:
        self.rows = rows
        self.width = width
        self.height = height
        self.at = at
        self.database = database
        self.title = title
        self.severities = tuple(severities)


def place_of(options: Mapping[str, object], environ: Mapping[str, str]) -> Place | None:
    """Where the screen of a console with these options is kept; None where it can't be."""
    home = environ.get("HOME", "")
    cache = environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home.startswith("/") else "")
    if not cache.startswith("/"):
        return None

    def file(option: str, variable: str) -> str:
        named = options.get(option) or environ.get(variable) or ""
        return os.path.abspath(os.path.expanduser(str(named))) if named else ""  # noqa: PTH100, PTH111  # no pathlib yet

    config = file("config", "VIGIE_CONFIG")
    parts = [file("db", "VIGIE_DB"), config]
    parts.append(str(options.get("actor") or environ.get("VIGIE_ACTOR") or environ.get("SUDO_USER") or ""))
    parts += [
        environ.get(name, "")
        for name in (
            "HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "TERM", "LC_ALL", "LC_CTYPE", "LANG", "VIGIE_ASCII",
        )
    ]  # fmt: skip
    key = "|".join(parts)
    return Place(f"{cache}/vigie/frames", key, config) if key.isprintable() else None


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def load(place: Place, now: float) -> Kept | None:
    """What is kept at *place*, if it can be trusted. Never raises, never waits."""
    try:
        handle = os.open(place.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            return None
        if found.st_size > LARGEST:
            return None
        return parse(os.read(handle, LARGEST + 1), place, now)
    except OSError:
        return None
    finally:
        os.close(handle)


def parse(data: bytes, place: Place, now: float) -> Kept | None:
    """The screen in *data*; None unless every character of it is as :func:`form` writes it, and still true."""
    try:
        head, *rows = data.decode("utf-8").removesuffix("\n").split("\n")
        form, key, *facts = head.split("\t")
        at, width, height, device, inode, changed = (_number(fact) for fact in facts[:_NUMBERS])
        database, config, title, *severities = facts[_NUMBERS:]
    except (ValueError, UnicodeDecodeError):
        return None
    if form != _FORM or key != place.key or not head.replace("\t", "").isprintable():
        return None
    if not (0 < width <= WIDEST and 0 < height <= HIGHEST and len(rows) == height):
        return None
    if not -OLDEST_S < now - at < OLDEST_S:
        return None
    if not all(len(row) <= width and is_plain(row) for row in rows):
        return None
    if identity(database)[:2] != (device, inode) or (place.config and config != place.config):
        return None
    if (identity(config)[2] if config else 0) != changed:
        return None
    return Kept(rows, width, height, at, database=database, title=title, severities=severities)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 24):
        raise ValueError(text)
    return int(text)


def is_plain(row: str) -> bool:
    """Whether a terminal that is sent *row* shows it, and does nothing else."""
    if not row.isprintable():  # controls, bidi marks, zero-width characters, surrogates, what is no character
        return False
    return row.isascii() or not any(
        char in _UNSEEN or "\ufe00" <= char <= "\ufe0f" or char >= "\U000e0000" for char in row
    )


def identity(path: str) -> tuple[int, int, int]:
    """Device, inode and time of the last change (ns) of a file, which is not opened; zeros when there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return (0, 0, 0)
    return (found.st_dev, found.st_ino, found.st_mtime_ns)


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def form(
    rows: Sequence[Sequence[str]],
    place: Place,
    at: float,
    database: str,
    config: str,
    title: str = "",
    severities: Sequence[str] = (),
) -> bytes | None:
    """What is kept of a screen of cells (the second cell of a wide character is ``""``); None when it can't be."""
    height, width = len(rows), len(rows[0]) if rows else 0
    if not (_LEAST[0] <= width <= WIDEST and _LEAST[1] <= height <= HIGHEST) or at < 0:
        return None
    device, inode, _ = identity(database)
    facts = (int(at), width, height, device, inode, identity(config)[2] if config else 0)
    words = (word if word.isprintable() else "" for word in (title, *severities))
    head = "\t".join((_FORM, place.key, *map(str, facts), database, config, *words))
    if not inode or not head.replace("\t", "").isprintable():
        return None
    lines = []
    for y, cells in enumerate(rows):
        shown = [*cells[:-CLOCKS], *" " * CLOCKS] if y < 2 else cells
        lines.append("".join(cell if is_plain(cell) else "?" for cell in shown).rstrip(" ")[:width])
    data = "\n".join((head, *lines, "")).encode("utf-8")
    return data if len(data) <= LARGEST else None


def save(place: Spot, data: bytes) -> bool:
    """Keep *data*, for this user alone, whole or not at all; False where it can't be kept, which is no trouble."""
    fresh = f"{place.path}.{os.getpid()}.new"
    try:
        os.makedirs(place.folder, mode=0o700, exist_ok=True)  # noqa: PTH103
        found = os.stat(place.folder)  # noqa: PTH116
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            return False
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(handle, 0o600)
            whole = os.write(handle, data) == len(data)
        finally:
            os.close(handle)
        if whole:
            os.replace(fresh, place.path)  # noqa: PTH105
            return True
        os.unlink(fresh)  # noqa: PTH108
    except OSError:
        try:
            os.unlink(fresh)  # noqa: PTH108
        except OSError:
            pass
    return False


def tidy(place: Spot) -> None:
    """Remove the oldest screens beyond a couple of dozen, and what a killed console left half written."""
    try:
        with os.scandir(place.folder) as entries:
            files = sorted((entry.stat(follow_symlinks=False).st_mtime, entry.path) for entry in entries)
        for _, path in files[:-_FILES]:
            os.unlink(path)  # noqa: PTH108
    except OSError:
        pass


# ── showing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def age_in_words(seconds: float) -> str:
    """``8 s``, ``12 min``, ``3 h 12 min``, ``2 d 4 h``; of a clock that was set back, nothing is known."""
    if seconds < -1:
        return "of unknown age"
    whole = max(int(seconds), 0)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if days:
        age = f"{days} d {hours % 24} h"
    elif hours:
        age = f"{hours} h {minutes % 60} min"
    else:
        age = f"{minutes} min" if minutes else f"{whole} s"
    return f"{age} old"


def fitted(kept: Kept, width: int, height: int) -> list[str] | None:
    """The rows for a terminal of another size: cut, never stretched; None where nothing of use would be left."""
    if width < _LEAST[0] or height < _LEAST[1]:
        return None
    rows = [row[:width] for row in kept.rows[: height - 1]]
    return [*rows, *[""] * (height - 1 - len(rows))]


def _over_blanks(row: str) -> str:
    """*row* on a screen that was cleared: over longer blanks the cursor only moves (CUF). Half of a list is blank."""
    first, *rest = row.split(_BLANK)
    out, blanks = first, 0
    for piece in rest:
        blanks += len(_BLANK)
        words = piece.lstrip(" ")
        if words:
            out += f"\x1b[{blanks + len(piece) - len(words)}C{words}"
            blanks = 0
    return out


def drawing(kept: Kept, width: int, height: int, now: float, *, ascii_only: bool) -> tuple[str, list[str]] | None:
    """What to send, and the rows that then stand there. All of it faint, without colour, its age in the last row and
    at the top right: nobody is to take it for live. Of a long list only the beginning is shown."""
    rows = fitted(kept, width, height)
    if rows is None or (ascii_only and not all(row.isascii() for row in rows)):
        return None
    age = age_in_words(now - kept.at)
    mark = f" kept screen, {age} - opening ..."[: width - 1]
    corner = f" kept, {age} "
    line = f"{mark:<{width}}"
    rows[0] = rows[0][: width - len(corner)]
    # The age first: a terminal that takes only a part of this has it.
    out = ["\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[m\x1b[H\x1b[2J\x1b[7m", f"\x1b[{height}H{line}"]
    out.append(f"\x1b[1;{width - len(corner) + 1}H{corner}\x1b[0;2m")
    spent = 0
    for y, row in enumerate(rows):
        text = _over_blanks(row.rstrip()) if row.strip() and spent < _ENOUGH else ""
        if text:
            out.append(f"\x1b[{y + 1}H{text}")
            spent += len(text)
        else:
            rows[y] = ""
    out.append("\x1b[m")
    return "".join(out), [f"{rows[0]:<{width - len(corner)}}{corner}", *rows[1:], line]
