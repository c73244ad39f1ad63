"""The modules of a start out of one file instead of four hundred, and what they work out anew each time to the same end.

Python looks for a module in folder after folder, asks for its source, opens and reads what is compiled of it: for four
hundred modules that is a quarter of the time to the first live screen. Here they stand one behind the other, by name;
also the regular expressions that they compile, and the functions that dataclasses and named tuples write for themselves.
:mod:`screens.packing` writes the file.

It is as sure as Python's own ``.pyc``: it stands among them, for the very Python and search path that made it, and the
source of each module that is taken from it is asked for its time and size. What is otherwise is imported as ever.
Nothing but built-in modules is imported here.
"""

from __future__ import annotations

import marshal
import posix
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import SourceFileLoader
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType, ModuleType
    from typing import Any

FORM = 1
LENGTH = 4  # bytes, in which the length of what follows stands

Module = tuple[
    int, int, str, bool, int, int
]  # place and size of its code, source, whether a package; the source's time and size
Pattern = tuple[
    int, list[int], int, dict[str, int], tuple[str | None, ...]
]  # what _sre.compile takes behind the pattern


def place() -> str:
    """The file for this Python: among what is compiled of this package."""
    return f"{__file__.rpartition('/')[0]}/__pycache__/start.{sys.implementation.cache_tag}.pack"


def identity() -> bytes:
    """For whom a pack is: it names modules of this Python, found along this path."""
    return f"{FORM} {sys.version} {sys.flags.optimize} {sys.path}".encode("utf-8", "surrogateescape")


class Pack:
    """What of a start is known already; empty without a file."""

    def __init__(self) -> None:
        self.modules: dict[str, Module] = {}
        self.patterns: dict[tuple[bool, int, str | bytes], Pattern] = {}
        self.functions: dict[tuple[str, str], CodeType] = {}
        self.path: list[str] = []  # where Python looks for modules, if a file was looked for
        self._handle = -1
        self._lock = allocate_lock()  # closed while another thread reads, the number may be another file's
        self._undo: list[Callable[[], object]] = []

    def read(self, path: str) -> None:
        """Take what the file at *path* holds, if it is for us."""
        self.path = list(sys.path)
        try:
            handle = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
        except OSError:
            return
        try:
            start = LENGTH
            parts = []
            for _ in range(2):
                size = int.from_bytes(posix.pread(handle, LENGTH, start - LENGTH), "little")
                parts.append(posix.pread(handle, size, start))
                start += size + LENGTH
            if parts[0] == identity():
                self.modules, self.patterns, self.functions = marshal.loads(parts[1])  # noqa: S302  # as safe as a .pyc
                self._handle = handle
        except (OSError, ValueError, EOFError, TypeError, OverflowError):
            pass
        if self._handle < 0:
            posix.close(handle)

    @property
    def fits(self) -> bool:
        """Whether it holds something, and every source is still as it was."""
        return bool(self.modules) and all(self.find_spec(name) is not None for name in self.modules)

    # ── modules ─────────────────────────────────────────────────────────────────────────────────────────────────

    def find_modules(self) -> None:
        """From now on modules are looked for here first."""
        if self.modules:
            sys.meta_path.insert(0, self)
            self._undo.append(self._find_no_more)

    def _find_no_more(self) -> None:
        # Another list: a thread that is going through this one would miss the finder behind us.
        sys.meta_path = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As Python's own finders."""
        del path, target
        module = self.modules.get(name)
        if module is None:
            return None
        _, _, source, is_package, changed, size = module
        try:
            found = posix.stat(source)
        except OSError:
            return None
        if found.st_mtime_ns != changed or found.st_size != size:
            return None
        spec = ModuleSpec(name, _Packed(name, source, self), origin=source, is_package=is_package)
        folder, _, file = source.rpartition("/")
        vars(spec)["_set_fileattr"] = True  # as spec_from_file_location does, without its questions
        spec.cached = f"{folder}/__pycache__/{file[:-2]}{sys.implementation.cache_tag}.pyc"
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(folder)
        return spec

    def code(self, name: str) -> CodeType | None:
        """What is compiled of a module; None when it does not stand here (any more)."""
        at, size = self.modules[name][:2]
        try:
            with self._lock:
                data = posix.pread(self._handle, size, at)
            code: CodeType = marshal.loads(data)  # noqa: S302
        except (OSError, ValueError, EOFError, TypeError):
            return None
        return code

    # ── what modules work out ───────────────────────────────────────────────────────────────────────────────────

    def ease(self) -> None:
        """From now on patterns and functions that are known are not compiled."""
        import _sre  # type: ignore[import-not-found]  # nothing tells of it
        import collections
        import dataclasses
        from re import _compiler  # type: ignore[attr-defined]

        whole: Callable[..., Any] = _compiler.compile

        def pattern(wanted: str | bytes, flags: int = 0) -> Any:
            known = None
            if isinstance(wanted, (str, bytes)):
                known = self.patterns.get((isinstance(wanted, bytes), int(flags), wanted))
            if known is None:
                return whole(wanted, flags)
            return _sre.compile(wanted, *known)

        def function(text: str, kind: str) -> CodeType:
            known = self.functions.get((kind, text))
            if known is None:
                known = self.functions[kind, text] = compile(text, "<string>", kind, dont_inherit=True)
            return known

        def execute(text: str, *spaces: Any) -> None:
            exec(function(text, "exec"), *spaces)  # noqa: S102  # dataclasses' own text, in its place

        def evaluate(text: str, *spaces: Any) -> Any:
            return eval(function(text, "eval"), *spaces)  # noqa: S307  # named tuples' own

        self._stand(_compiler, "compile", pattern)
        self._stand(dataclasses, "exec", execute)
        self._stand(collections, "eval", evaluate)

    def _stand(self, module: ModuleType, name: str, instead: Callable[..., Any]) -> None:
        space = vars(module)
        before = space.get(name)
        space[name] = instead

        def undo() -> None:
            if space.get(name) is not instead:
                return
            if before is None:  # one of Python's built-in functions
                del space[name]
            else:
                space[name] = before

        self._undo.append(undo)

    def close(self) -> None:
        """Everything is found and worked out as ever again."""
        for undo in self._undo:
            undo()
        self._undo.clear()
        with self._lock:
            handle, self._handle = self._handle, -1
            if handle >= 0:
                posix.close(handle)


class _Packed(SourceFileLoader):
    """Python's own loader, but for where the code comes from."""

    def __init__(self, name: str, path: str, pack: Pack) -> None:
        super().__init__(name, path)
        self._pack = pack

    def get_code(self, fullname: str) -> CodeType | None:
        """As Python's own."""
        code = self._pack.code(fullname)
        return code if code is not None else super().get_code(fullname)


pack = Pack()  # of this process
