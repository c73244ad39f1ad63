"""Writes the file that a start takes its modules from (:mod:`screens.packed`).

``python -P -m screens.packing`` writes it when Vigie is installed; a console that had to look for something writes it
anew some seconds after its start, where it may.

What is imported before :func:`main` has begun can't be written down as it is made: only what a start has, too, by then.
"""

from __future__ import annotations

import gc
import marshal
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import SourceFileLoader
from typing import Final

from screens.packed import LENGTH, Module, Pack, Pattern, identity, pack, place

# What a console imports until its first live screen stands, or right after, and no other of these imports.
_START: Final = (
    *("screens.main", "screens.cover", "screens.early", "screens.opening", "screens.driver", "screens.status"),
    *("screens.reader", "screens.lag", "screens.vitals", "screens.keeping", "screens.last_screen", "screens.scribe"),
    *("screens.incident_now", "console.commands.context", "console.journal.writer", "console.journal.drafts"),
    *("console.watch.status_reader", "console.watch.keeper", "textual.pilot", "textual.drivers.headless_driver"),
    *("textual.layouts.factory", "rich._unicode_data.unicode17-0-0", "yaml", "zoneinfo", "console.journal.migrations"),
    *("importlib.readers", "encodings.ascii", "encodings.utf_8_sig", "encodings.unicode_escape"),
)

_ANEW: Final = (
    "import os, sys; os.nice(10); sys.path[:] = sys.argv[2:]; from screens.packing import main; main([sys.argv[1]])"
)
_LONGEST_S: Final = 60


def keep_up(known: Pack) -> None:
    """A start is over: have what it took from *known* written anew if it does not fit any more, where Python writes what
    it compiles. By a process of its own, which knows nothing of anybody's configuration."""
    if not known.path or sys.dont_write_bytecode or sys.pycache_prefix is not None or known.fits:
        return
    import subprocess
    from pathlib import Path

    target = Path(place())
    if not os.access(target.parent if target.parent.exists() else target.parent.parent, os.W_OK):
        return
    try:
        subprocess.run(
            [sys.executable, "-SP", "-c", _ANEW, str(target), *known.path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            start_new_session=True,
            timeout=_LONGEST_S,
        )
    except (OSError, subprocess.SubprocessError):  # then starts take a little longer, as they did
        pass


def write(known: Pack, path: str = "") -> bool:
    """Write the modules that are loaded, and what they worked out. False where that can't be done."""
    from pathlib import Path

    target = Path(path or place())
    mine = target.with_suffix(f".{os.getpid()}")
    try:
        target.parent.mkdir(exist_ok=True)
        mine.write_bytes(form(known))
        mine.replace(target)
    except OSError:
        mine.unlink(missing_ok=True)
        return False
    return True


def form(known: Pack) -> bytes:
    """The file with the modules that are loaded from a source, and the functions in *known*."""
    from pathlib import Path

    codes = {}
    modules: dict[str, Module] = {}
    for name in list(sys.modules):
        source = _source(name)
        if not source:
            continue
        loader = SourceFileLoader(name, source)
        try:
            found = Path(source).stat()
            code = loader.get_code(name)
        except (OSError, ImportError, SyntaxError):
            continue
        codes[name] = marshal.dumps(code)
        modules[name] = (0, len(codes[name]), source, loader.is_package(name), found.st_mtime_ns, found.st_size)
    patterns, head = _patterns(), identity()
    # Where the code begins depends on how long the list of places is, and that on the numbers in it.
    index, size = b"", -1
    while size != len(index):
        size = len(index)
        at = 2 * LENGTH + len(head) + size
        placed = {}
        for name, (_, length, *rest) in modules.items():
            placed[name] = (at, length, *rest)
            at += length
        index = marshal.dumps((placed, patterns, known.functions))
    return b"".join(
        (len(head).to_bytes(LENGTH, "little"), head, len(index).to_bytes(LENGTH, "little"), index, *codes.values())
    )


def _source(name: str) -> str:
    """The file of a module that is loaded from its source under its own name; "" for others."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    if spec is None or spec.name != name or not isinstance(spec.loader, SourceFileLoader):
        return ""
    path: str = spec.loader.path
    return path if path.startswith("/") and path.endswith(".py") else ""


def _patterns() -> dict[tuple[bool, int, str | bytes], Pattern]:
    """What was compiled of regular expressions, as far as ``re`` remembers it."""
    import _sre  # type: ignore[import-not-found]  # nothing tells of these
    from re import _compiler, _parser  # type: ignore[attr-defined]

    found: dict[tuple[bool, int, str | bytes], Pattern] = {}
    for (kind, pattern, flags), compiled in list(vars(re)["_cache"].items()):
        if kind not in (str, bytes):
            continue
        try:
            tree = _parser.parse(pattern, flags)
            state = tree.state
            names = [None] * state.groups
            for name, number in state.groupdict.items():
                names[number] = name
            code = [int(word) for word in _compiler._code(tree, flags)]
            one: Pattern = (int(flags | state.flags), code, state.groups - 1, dict(state.groupdict), tuple(names))
            if _sre.compile(pattern, *one) == compiled:
                found[kind is bytes, int(flags), pattern] = one
        except Exception:  # noqa: S112  # another Python compiles them otherwise: then they do not stand here
            continue
    return found


def main(arguments: Sequence[str]) -> int:
    """Import what a start imports, and write it down (into a file that is named, or for the next start)."""
    gc.disable()
    pack.ease()
    for name in _START:
        try:
            import_module(name)
        except ImportError:  # another version of a library, which names it otherwise
            continue
    if write(pack, *arguments[:1]):
        return 0
    sys.stderr.write(f"vigie: can't write {arguments[0] if arguments else place()}: starts will take a little longer\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
