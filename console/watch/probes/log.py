"""``log``: how many lines of a log match in a window of time, and whether it is written at all."""

from __future__ import annotations

import re
import time
from collections import deque
from typing import Final

import msgspec
from msgspec import Struct

from console.clock import span
from console.services import Span, spanned
from console.snapshot import DOWN, OK, UNKNOWN
from console.watch.follow import Follower, Position
from console.watch.probing import Reading, Tools, graded

PLACEHOLDERS: Final = frozenset(("MATCHES", "RATE", "LINES", "LAST", "SILENT"))
CONDITIONS: Final = ()
_SHOWN: Final = 10  # of the lines that match
_GONE_S: Final = 60.0  # a rotation leaves no file for less than that
_WIDE: Final = 180  # characters of each


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``log`` check: limits on the matching lines in the window. The first reading starts where the file ends."""

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


class _Memory(Struct, frozen=True):
    """What the next watch goes on from. Times on the wall clock: they outlive a reboot."""

    position: Position
    began: float
    last_line: float
    seen: tuple[tuple[float, int, int], ...]  # when, matches, lines; no more than a minute hand could show
    looked: float


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
        self._gone_since: float | None = None
        self._resumed: _Memory | None = None
        self._missed = 0  # matches of the first look that came while nobody watched
        self._missed_at = 0.0

    def resume(self, memory: str) -> None:
        """Go on where the watch before this one was."""
        try:
            self._resumed = msgspec.json.decode(memory, type=_Memory)
        except msgspec.MsgspecError:
            self._resumed = None

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
        away_s = 0.0
        if self._follower is None and self._resumed is None:
            follower = Follower(tools.path(self._options.path))
            list(follower.lines())  # where there is no file we have not begun
            self._follower = follower
            tools.at_end(self._forget)
            self._began = self._last_line = now
            values = {"MATCHES": 0, "RATE": 0.0, "LINES": 0, "SILENT": 0.0}
            return Reading(detail="reading from here on", values=values, value=0.0, memory=self._memory(now))
        if self._follower is None and self._resumed is not None:
            away_s = self._go_on(tools, self._resumed, now)
        assert self._follower is not None  # noqa: S101 - one of the two has made it
        matches = lines = 0
        for line in self._follower.lines():
            lines += 1
            if self._pattern.search(line) and not (self._exclude and self._exclude.search(line)):
                matches += 1
                self._last = line
                self._matched.append(line.rstrip()[:_WIDE])
        if away_s > self._options.window:
            self._missed, self._missed_at = matches, now
        if lines:
            self._last_line = now
            self._seen.append((now, matches, lines))
        while self._seen and self._seen[0][0] <= now - self._options.window:
            self._seen.popleft()
        return self._judged(now)

    def _go_on(self, tools: Tools, memory: _Memory, now: float) -> float:
        """Take up what the last watch left. Returns for how many seconds nobody looked."""
        ago = time.time() - now  # what the two clocks are apart
        self._follower = Follower(tools.path(self._options.path), memory.position)
        tools.at_end(self._forget)
        self._began, self._last_line = min(now, memory.began - ago), min(now, memory.last_line - ago)
        self._seen = deque((min(now, at - ago), matches, lines) for at, matches, lines in memory.seen)
        return max(0.0, now - (memory.looked - ago))

    def _memory(self, now: float) -> str:
        """What is to be kept of this look; "" while there is no place to go on from."""
        position = self._follower.position() if self._follower is not None else None
        if position is None:
            return ""
        ago = time.time() - now
        hand, marks = self._options.window / 60, dict[int, list[float]]()
        for at, matches, lines in self._seen:
            mark = marks.setdefault(int(at // hand), [0.0, 0, 0])
            mark[0], mark[1], mark[2] = at + ago, mark[1] + matches, mark[2] + lines
        seen = tuple((round(at, 3), int(matches), int(lines)) for at, matches, lines in marks.values())
        kept = _Memory(
            position, round(self._began + ago, 3), round(self._last_line + ago, 3), seen, round(now + ago, 3)
        )
        return msgspec.json.encode(kept).decode()

    def _forget(self) -> None:
        if self._follower is not None:
            self._follower.close()
        self._follower = self._resumed = None
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
        if self._missed and now - self._missed_at < options.window:
            detail += f", {self._missed} of them came while nobody watched"
        self._gone_since = (self._gone_since or now) if self._follower is not None and self._follower.gone else None
        if state == OK and self._gone_since is not None and now - self._gone_since > _GONE_S:
            state, detail = UNKNOWN, f"no file {options.path} any more, for {span(now - self._gone_since)}"
        values: dict[str, object] = {
            "MATCHES": matches,
            "LINES": lines,
            "RATE": 60 * matches / max(looked, 1.0),
            "LAST": self._last.strip(),
            "SILENT": silent * 1000,
        }
        got = "\n".join(self._matched)
        value, memory = float(matches), self._memory(now)
        return Reading(state=state, detail=detail, values=values, value=value, got=got, memory=memory)
