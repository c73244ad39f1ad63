"""``log``: how many lines of a log match in a window of time, and whether it is written at all."""

from __future__ import annotations

import re
import time
from collections import deque
from typing import Final

from msgspec import Struct

from console.clock import span
from console.services import Span, spanned
from console.snapshot import DOWN, OK, UNKNOWN
from console.watch.follow import Follower
from console.watch.probing import Reading, Tools, graded

PLACEHOLDERS: Final = frozenset(("MATCHES", "RATE", "LINES", "LAST", "SILENT"))
CONDITIONS: Final = ()
_SHOWN: Final = 10  # of the lines that match
_WIDE: Final = 180  # characters of each


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``log`` check: limits on the matching lines in the window. Reading starts where the file ends."""

    path: str
    pattern: str  # a regular expression, searched in each line (its first 4 kB)
    exclude: str = ""  # lines that do not count
    window: Span = spanned(300)
    warn: float | None = None
    fail: float | None = 1
    silent_for: Span | None = None  # a log without any line for so long is DOWN

    def __post_init__(self) -> None:
        for key in ("pattern", "exclude"):
            try:
                re.compile(getattr(self, key))
            except re.error as error:
                raise ValueError(f"{key}: not a regular expression: {error}") from None
        if not self.path or not self.pattern:
            raise ValueError("expected a path and a pattern")
        if self.window <= 0:
            raise ValueError("window: expected more than 0s")


class Probe:
    """Reads what came since the last look, in a thread, and counts it by when it was seen."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options
        self._pattern = re.compile(options.pattern)
        self._exclude = re.compile(options.exclude) if options.exclude else None
        self._follower: Follower | None = None
        self._seen: deque[tuple[float, int, int]] = deque()  # when, matches, lines
        self._began = 0.0
        self._last = ""
        self._matched: deque[str] = deque(maxlen=_SHOWN)  # the newest
        self._last_line = 0.0
        self._reading = False

    async def measure(self, tools: Tools) -> Reading:
        if self._reading:  # the time was up before the last look came to its end
            return Reading(state=UNKNOWN, detail="the log is still being read: more comes than can be looked at")
        try:
            return await tools.blocking(lambda: self._look(tools))
        except FileNotFoundError:
            return Reading(state=UNKNOWN, detail=f"no file {self._options.path}")
        except OSError as error:
            return Reading(state=UNKNOWN, detail=f"{self._options.path}: {(error.strerror or str(error)).lower()}")

    def _look(self, tools: Tools) -> Reading:
        self._reading = True
        try:
            return self._count(tools)
        finally:
            self._reading = False

    def _count(self, tools: Tools) -> Reading:
        now = time.monotonic()
        if self._follower is None:
            follower = Follower(tools.path(self._options.path))
            list(follower.lines())  # where there is no file we have not begun
            self._follower = follower
            tools.at_end(self._forget)
            self._began = self._last_line = now
            words = "reading from here on"
            return Reading(detail=words, values={"MATCHES": 0, "RATE": 0.0, "LINES": 0, "SILENT": 0.0}, value=0.0)
        matches = lines = 0
        for line in self._follower.lines():
            lines += 1
            if self._pattern.search(line) and not (self._exclude and self._exclude.search(line)):
                matches += 1
                self._last = line
                self._matched.append(line.rstrip()[:_WIDE])
        if lines:
            self._last_line = now
            self._seen.append((now, matches, lines))
        while self._seen and self._seen[0][0] <= now - self._options.window:
            self._seen.popleft()
        return self._judged(now)

    def _forget(self) -> None:
        if self._follower is not None:
            self._follower.close()
        self._follower = None
        self._seen.clear()

    def _judged(self, now: float) -> Reading:
        options = self._options
        matches, lines = sum(one[1] for one in self._seen), sum(one[2] for one in self._seen)
        looked = max(1e-3, min(options.window, now - self._began))
        silent = now - self._last_line
        state = graded(matches, options.warn, options.fail) if matches else OK
        detail = f"{matches} of {lines} lines match in {span(options.window)}"
        if matches and self._last:
            detail += f", last: {self._last.strip()[:100]}"
        if options.silent_for is not None and silent > options.silent_for:
            state, detail = (
                DOWN,
                f"nothing written for {span(silent)}, expected a line every {span(options.silent_for)}",
            )
        values: dict[str, object] = {
            "MATCHES": matches,
            "LINES": lines,
            "RATE": 60 * matches / max(looked, 1.0),
            "LAST": self._last.strip(),
            "SILENT": silent * 1000,
        }
        got = "\n".join(self._matched)
        return Reading(state=state, detail=detail, values=values, value=float(matches), got=got)
