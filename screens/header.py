"""The three lines at the top: the verdict in words, the sources with their age, the modes. They never scroll away.

Everything here is a function of what the desk knows and the time; the clocks have a widget of their own, so that a
second costs ten cells.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from textual.app import ComposeResult
from textual.widget import Widget

from console.clock import span
from screens.desk import Desk
from screens.kept import CLOCKS
from screens.room import MODES
from screens.widgets.line import Lines
from screens.widgets.text import Span, fit, width_of

if TYPE_CHECKING:
    from console.snapshot import Source, StatusSnapshot
    from screens.early import FirstIncident
    from screens.incident_now import IncidentNow

_GAP: Final = 3  # cells between the name and the verdict
_FRESH: Final = 5.0  # seconds between looks at the ages of sources that are fine
_STATES: Final = (("DOWN", "down"), ("DEGRADED", "degraded"), ("UNKNOWN", "unknown"), ("OK", "ok"))


def verdict(snapshot: StatusSnapshot | None, *, brief: bool = False) -> tuple[Span, ...]:
    """The counts in words; a state that nobody is in stands back, or is left out where it is *brief*.

    Stale checks count as UNKNOWN, never as OK.
    """
    if snapshot is None:
        return (("no status yet", "unknown"),)
    counts = snapshot.counts()
    counts["UNKNOWN"] += counts.pop("STALE")
    spans: list[Span] = []
    for state, token in _STATES:
        number = counts[state]
        if brief and not number and state in ("DEGRADED", "UNKNOWN"):
            continue
        spans.append((f"{state} {number:,}", token if number else "faint"))
        spans.append(("  ", "text"))
    for state in ("PENDING", "MAINT", "INFO"):
        if counts[state]:
            spans += [(f"{state} {counts[state]:,}", "pending"), ("  ", "text")]
    waiting, alerts = snapshot.unhandled
    if waiting:
        spans.append((f"UNACKED {waiting:,}", "title"))
    elif alerts:
        spans.append((f"ALERTS {alerts:,}, all handled", "dim"))
    return tuple(spans)


def source_words(source: Source, now: datetime, age_of: Callable[[float], str] = span) -> tuple[Span, ...]:
    """``am-a 3s ok``, ``prom-1 STALE 4m``: the age always, what is wrong in capitals."""
    age = age_of(max((now - source.last_ok).total_seconds(), 0)) if source.last_ok is not None else "never"
    if source.last_ok is not None and (now - source.last_ok).total_seconds() >= 60:
        age = re.sub(r"(?<=m)\d+s$", "", age)
    if source.state == "ok":
        note = ((f", {source.note}", "degraded"),) if source.note else ()
        return ((f"{source.name} {age} ok", "dim"), *note)
    return ((f"{source.name} ", "dim"), (f"{source.state.upper()} {age}", "unknown"))


def sources_line(
    snapshot: StatusSnapshot | None, now: datetime, *, read_only: bool = False, age_of: Callable[[float], str] = span
) -> tuple[Span, ...]:
    """The sources, what is wrong first; *age_of* says seconds in words."""
    if snapshot is None:
        return (
            ("no watch runs here; a read-only console starts none" if read_only else "waiting for the watch", "dim"),
        )
    spans: list[Span] = []
    age = (now - snapshot.taken_at).total_seconds()
    if age > 15:  # the watch itself no longer publishes: nothing below is fresh
        spans += [("watch ", "dim"), (f"SILENT {age_of(age)}", "unknown")]
    for source in sorted(snapshot.sources, key=lambda source: source.state == "ok"):
        if spans:
            spans.append((" | ", "faint"))
        spans += source_words(source, now, age_of)
    return tuple(spans) or (("no sources", "dim"),)


def incident_words(
    incident: IncidentNow | FirstIncident | None, severities: tuple[str, ...] = (), *, known: bool = True
) -> tuple[Span, ...]:
    """``INC-7 SEV2``; the worst severity in the colour of DOWN."""
    if incident is None:
        return (("no incident", "faint"),) if known else (("reading the record", "dim"),)
    spans: list[Span] = [(incident.alias, "title" if incident.open else "dim")]
    if incident.severity:
        spans += [(" ", "text"), (incident.severity, severity_token(incident.severity, severities))]
    elif incident.open:
        spans.append((" no severity", "degraded"))
    if not incident.open:
        spans.append((" closed", "ok"))
    return tuple(spans)


def severity_token(severity: str, known: tuple[str, ...] = ()) -> str:
    """The colour of a severity by its place in the house's scheme: the first is the worst."""
    names = [name.casefold() for name in known] or ["sev1", "sev2", "sev3", "sev4"]
    try:
        place = names.index(severity.casefold())
    except ValueError:
        lowered = severity.casefold()
        return {"critical": "down", "page": "down", "error": "down", "warning": "degraded"}.get(lowered, "soft")
    return ("down", "degraded")[place] if place < 2 else "soft"


def elapsed(incident: IncidentNow | FirstIncident | None, now: datetime, *, coarse: bool = False) -> str:
    """``T+00:12:44`` since the incident's T+0 (``T+00:12`` where it is *coarse*); it stands still once the incident has
    ended."""
    if incident is None or incident.zero is None:
        return ""
    seconds = int(((incident.ended or now) - incident.zero.at).total_seconds())
    sign = "-" if seconds < 0 else "+"
    hours, rest = divmod(abs(seconds), 3600)
    return f"T{sign}{hours:02d}:{rest // 60:02d}" + ("" if coarse else f":{rest % 60:02d}")


def short_place(place: str) -> str:
    """*place* in the clocks' cells, with a blank before it: ``99,891/100,001`` as ``99,891/100k``."""
    at, slash, of = place.partition("/")
    digits = of.replace(",", "")
    if len(place) <= CLOCKS - 2 or not slash or not digits.isascii() or not digits.isdigit():
        return place
    count = int(digits)
    short = f"{at}/{count // 1000}k" if count < 1_000_000 else f"{at}/{count // 1_000_000}M"
    return short if len(short) <= CLOCKS - 2 else at


class Header(Widget, inherit_bindings=False):
    """Three lines of words on the left, three cells of clocks on the right."""

    DEFAULT_CSS = """
    Header { width: 100%; height: 3; layout: horizontal; }
    Header #clocks { width: 13; }
    """

    def __init__(
        self,
        desk: Desk,
        mode: Callable[[], str],
        place: Callable[[], str],
        notice: Callable[[], tuple[Span, ...]],
    ) -> None:
        super().__init__()
        self.desk = desk
        self._mode = mode
        self._place = place
        self._notice = notice
        self.lines = Lines(lambda: desk.look, height=3, id="header")
        self.clocks = Lines(lambda: desk.look, height=3, id="clocks")
        self._host = socket.gethostname().partition(".")[0]
        self._looked = datetime.min
        self._link_words = ""

    def compose(self) -> ComposeResult:
        yield self.lines
        yield self.clocks

    def on_mount(self) -> None:
        desk = self.desk
        # Not at once: the rooms come first, and the header says what they then hide or hold back.
        desk.status_changed.subscribe(self, lambda _: self.draw())
        desk.incident_changed.subscribe(self, lambda _: self.draw())
        desk.events_arrived.subscribe(self, lambda _: self.draw())
        desk.troubled.subscribe(self, self._troubled, immediate=True)
        desk.became_ready.subscribe(self, lambda _: self.draw(), immediate=True)
        self.set_interval(1.0, self.tick)
        self.draw()

    def _troubled(self, _: Mapping[str, str]) -> None:
        self.draw()

    def tick(self) -> None:
        """A second has passed."""
        now = self.desk.now()
        stepped = self.desk.feel_link(time.monotonic()) or self.desk.link.words() != self._link_words
        if stepped or now.replace(tzinfo=None) - self._looked >= timedelta(seconds=_FRESH):
            self.draw()
        else:
            self._draw_clocks(now)

    def draw(self) -> None:
        """All three lines, where they changed."""
        desk, now = self.desk, self.desk.now()
        self._looked = now.replace(tzinfo=None)
        deps = desk.deps
        first = desk.first
        if deps is not None:
            title, severities = deps.config.title, tuple(level.name for level in deps.config.severities)
        else:
            title, severities = (first.title, first.severities) if first is not None else ("", ())
        name = title or self._host
        incident, known = self._incident()
        room = self.lines.size.width or 1000
        self.lines.put(self._head(name, room), line=0)
        self.lines.put(
            ((" ", "text"), *sources_line(desk.status, now, read_only=desk.read_only, age_of=desk.link.age)),
            incident_words(incident, severities, known=known),
            line=1,
        )
        right = (*self._link(), *self._right())
        self.lines.put(self._modes(room - width_of(right, desk.look)), right, line=2)
        self._draw_clocks(now)

    def _head(self, name: str, room: int) -> tuple[Span, ...]:
        """The name and the verdict: where there is too little *room*, the verdict is brief; then the name gives way."""
        look, status = self.desk.look, self.desk.status
        said = verdict(status)
        if 1 + width_of(name, look) + _GAP + width_of(said, look) > room:
            said = verdict(status, brief=True)
        left = room - 1 - _GAP - width_of(said, look)
        shown = fit(name, min(width_of(name, look), left), look, "title")
        return ((" ", "title"), *shown, (" " * _GAP if shown else "", "text"), *said)

    def _draw_clocks(self, now: datetime) -> None:
        link = self.desk.link
        self.clocks.put("", ((link.time(now) + " ", "title"),), line=0)
        t_plus = elapsed(self._incident()[0], now, coarse=link.slow)
        self.clocks.put("", ((t_plus + " ", "title"),) if t_plus else "", line=1)
        self.clocks.put("", ((short_place(self._place()) + " ", "dim"),), line=2)

    def _modes(self, room: int) -> tuple[Span, ...]:
        """The modes, shorter where there is less *room*: without the blanks, then without the names of the others."""
        here = self._mode()
        spans: tuple[Span, ...] = ()
        for shape in (" {0} {1} ", " {0} {1}", " {0}"):
            spans = tuple(
                (f" {mode.digit} {mode.title} ", "here")
                if mode.id == here
                else (shape.format(mode.digit, mode.title), "dim")
                for mode in MODES
            )
            if width_of(spans, self.desk.look) < room:
                break
        return spans

    def _incident(self) -> tuple[IncidentNow | FirstIncident | None, bool]:
        """The current incident, and whether it is known that there is no other."""
        desk = self.desk
        if desk.incident_known or desk.first is None:
            return desk.incident, desk.incident_known
        return desk.first.incident, desk.first.incident_known

    def _link(self) -> tuple[Span, ...]:
        self._link_words = self.desk.link.words()
        if not self._link_words:
            return ()
        return ((self._link_words, "degraded" if self.desk.link.felt_slow else "dim"), ("  ", "text"))

    def _right(self) -> tuple[Span, ...]:
        """What must be seen while it is so: unsaved lines, a read-only console, what a filter hides."""
        desk = self.desk
        if desk.unsaved and "writer" in desk.troubles:
            why = desk.troubles["writer"].partition(";")[0]  # without the advice
            return ((f"unsaved ({desk.unsaved}): {why}", "error"),)
        if "journal" in desk.troubles:
            return (("journal unreadable", "error"),)
        if "file" in desk.troubles:
            return (("database gone", "error"),)
        notice = self._notice()
        if notice:
            return notice
        return (("read-only", "unknown"),) if desk.read_only else ()

    def redraw(self) -> None:
        """The look changed."""
        self.lines.redraw()
        self.clocks.redraw()
        self.draw()
