"""Report: the postmortem as it would export, and what it lacks. Built beside the screen, read as one scrolls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual.app import ComposeResult

from screens import actions
from screens.asks import Ask
from screens.desk import Desk
from screens.performs import Performs
from screens.room import Room
from screens.widgets.line import Lines
from screens.widgets.steps_text import TextPane
from screens.widgets.table import Column, ListRows, Table
from screens.widgets.text import Span, Words

if TYPE_CHECKING:
    from screens.incident_now import IncidentNow
    from screens.report_build import Gap, Report

_QUICK_S: Final = 0.5  # a report that is built faster follows the record by itself
_COLUMNS: Final = (Column(flex=3, least=20), Column(flex=2, least=12))


class ReportRoom(Room):
    """See the module."""

    where: ClassVar[str] = "report"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.head = Lines(lambda: desk.look, height=2, id="report-head")
        self.pane = TextPane(desk, id="report")
        self.table = Table(desk, _COLUMNS, empty=(("  nothing is missing", "ok"),), id="gaps")
        self.report: Report | None = None
        self.listing = False
        self._visible = False
        self._building: tuple[str, int, int] | None = None  # (stream, events, width) of the one under way
        self._problem = ""
        self._wide = 0
        self._share: float | None = None  # how far the long one under way is
        self._writing: tuple[str, float] | None = None  # the file that is being written, and how far that is
        self._left = False  # the console ends: nobody waits for a report any more
        self._halted = ""  # the stream whose report the operator stopped
        self._write_on = True  # the operator wants the file

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.pane
        yield self.table

    def on_mount(self) -> None:
        self.table.display = False
        self.desk.incident_changed.subscribe(self, self._incident_changed, immediate=True)
        self.desk.became_ready.subscribe(self, lambda _: self._incident_changed(self.desk.incident), immediate=True)

    def on_unmount(self) -> None:
        self._left = True
        self._write_on = False
        if self.report is not None:
            self.report.rows.close()

    # ── building ────────────────────────────────────────────────────────────────────────────────────────────────

    def _incident_changed(self, incident: IncidentNow | None) -> None:
        report = self.report
        if incident is None:
            self.report = None
        elif report is None or report.stream != incident.stream or report.took_s < _QUICK_S:
            self._build()
        self._draw()

    def _wanted(self) -> tuple[str, int, int] | None:
        incident = self.desk.incident
        return (incident.stream, incident.count, max(self._wide - 2, 20)) if incident is not None else None

    def _build(self, *, anyway: bool = False) -> None:
        """Build it, unless what is there or under way is the same."""
        wanted, deps = self._wanted(), self.desk.deps
        if wanted is None or deps is None or not self._visible or not self._wide:
            return
        if anyway:
            self._halted = ""
        if self._halted == wanted[0]:
            return
        report = self.report
        same = report is not None and (report.stream, report.count, report.width) == wanted
        if self._building is not None or (same and not anyway):
            return  # the one under way looks again when it is done
        self._building = wanted
        look = self.desk.look
        stream, count, width = wanted

        def still() -> bool:
            now = self._wanted()
            return not self._left and now is not None and (now[0], now[2]) == (stream, width) and self._halted != stream

        def told(share: float) -> None:
            self._share = share
            self._draw()

        async def run() -> None:
            from console.journal.errors import JournalError
            from console.report.postmortem import TemplateProblem
            from screens import report_apart
            from screens.report_build import Stopped, build

            built: Report | None = None
            problem = ""
            try:
                if count >= report_apart.LONG:
                    told(0.0)
                    built = await asyncio.to_thread(
                        report_apart.build, deps, stream, width, look, still, self._from_thread(told)
                    )
                else:
                    built = await asyncio.to_thread(build, deps, stream, width, look, still)
            except Stopped:
                pass
            except (JournalError, TemplateProblem, LookupError, OSError) as error:
                problem = str(error)
            finally:
                self._building = self._share = None
            if built is not None:
                self._take(built)
            else:
                self._problem = problem
                self._draw()
            now = self._wanted()
            if (
                now is not None
                and not problem
                and not self._left
                and (built is None or (now[0], now[2]) != (built.stream, built.width))
            ):
                self._build()

        self.run_worker(run(), group="report")

    def _from_thread(self, call: Callable[[float], None]) -> Callable[[float], None]:
        """*call* on the UI thread, called from another one."""
        loop = asyncio.get_running_loop()

        def later(share: float) -> None:
            try:
                loop.call_soon_threadsafe(call, share)
            except RuntimeError:  # the console is gone
                pass

        return later

    def _take(self, report: Report) -> None:
        old, self.report, self._problem = self.report, report, ""
        self.pane.show(report.rows, top=old is None or old.stream != report.stream)
        if old is not None:
            old.rows.close()
        self._show_gaps()
        self._draw()
        after = getattr(self.screen, "after_key", None)
        if after is not None and self._visible:
            after()

    # ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        incident, report = self.desk.incident, self.report
        if incident is None:
            self.head.put(((" No incident is open: D declares one, 2 then i opens an older one.", "title"),), line=0)
            self.head.put("", line=1)
            self.pane.show(())
            return
        if report is None or report.stream != incident.stream:
            words: Words = ((f" building the report on {incident.alias}", "dim"), *self._share_words(self._share))
            if self._halted == incident.stream and self._building is None:
                words = ((f" the report on {incident.alias} is not built: u builds it", "degraded"),)
            if self._problem:
                words = ((f" no report: {self._problem}", "error"),)
            self.head.put(words, line=0)
            self.head.put("", line=1)
            self.pane.show(())
            return
        behind = incident.count - report.count
        left: list[Span] = [
            (f" {report.alias} ", "accent"),
            ("postmortem, draft", "title"),
            (f"  as of {report.as_of}", "dim"),
        ]
        if self._writing is not None:
            path, share = self._writing
            left = [(" writing", "notice"), *self._share_words(share), (f"   {path}", "dim")]
        elif self._share is not None:
            left += [("  bringing it up to date", "notice"), *self._share_words(self._share)]
        elif behind > 0:
            left.append((f"  {behind:,} event{'s' if behind > 1 else ''} since: u brings it up to date", "degraded"))
        self.head.put(tuple(left), ((f"{report.count:,} events, {_bytes(report.size)} ", "faint"),), line=0)
        self.head.put(self._gap_words(report.gaps), ((f"head {report.head[:12]} ", "faint"),), line=1)

    def _share_words(self, share: float | None) -> tuple[Span, ...]:
        """How far something long is, and how it is stopped."""
        if share is None:
            return ()
        return ((f"  {share * 100:.0f} %", "title"), ("   esc stops it", "faint"))

    def _gap_words(self, gaps: tuple[Gap, ...]) -> tuple[Span, ...]:
        facts = [gap for gap in gaps if not gap.key.startswith("prompt:") and gap.key != "summary"]
        prompts = len(gaps) - len(facts)
        if not gaps:
            return ((" nothing is missing", "ok"),)
        spans: list[Span] = [
            (f" {len(facts)} gap{'s' if len(facts) != 1 else ''} in the record", "degraded" if facts else "ok")
        ]
        spans.append((f", {prompts} section{'s' if prompts != 1 else ''} to be written", "notice"))
        return tuple(spans)

    def _show_gaps(self) -> None:
        gaps = self.report.gaps if self.report is not None else ()
        by_key = {gap.key: gap for gap in gaps}
        keys = list(by_key)

        def cells(index: int) -> tuple[Words, ...]:
            gap = by_key[keys[index]]
            return (((gap.what, gap.tone),), ((gap.mend, "dim"),))

        self.table.show(ListRows(keys, cells))

    def _set_listing(self, on: bool) -> None:
        self.listing = on
        self.table.display = on
        self.pane.display = not on

    def on_resize(self) -> None:
        self._wide = self.size.width or self._wide  # nothing while another room, or help, is looked at
        self.call_after_refresh(self._build)

    def redraw(self) -> None:
        super().redraw()
        self._build(anyway=True)
        self._draw()

    # ── the room ────────────────────────────────────────────────────────────────────────────────────────────────

    def is_filled(self) -> bool:
        return self.report is not None or self.desk.incident is None

    def keys_to(self) -> Performs:
        return self.table if self.listing else self.pane

    def situation(self) -> actions.Situation:
        gap = self._gap()
        target = "gap" if self.listing and gap is not None and gap.row >= 0 else ""
        return self.desk.situation(target, frozenset({"report"}) if self.report is not None else frozenset())

    def _gap(self) -> Gap | None:
        gaps: tuple[Any, ...] = self.report.gaps if self.report is not None else ()
        return next((gap for gap in gaps if gap.key == self.table.key), None)

    def shown(self) -> None:
        self._visible = True
        self._draw()
        self.call_after_refresh(self._build)

    def hidden(self) -> None:
        self._visible = False

    def place(self) -> str:
        return self.table.place if self.listing else self.pane.place

    def back(self) -> bool:
        if self.listing:
            self._set_listing(False)
            return True
        incident = self.desk.incident
        if self._writing is not None:
            self._write_on = False
            return True
        if self._share is not None and incident is not None:
            self._halted = incident.stream
            return True
        return False

    # ── actions ─────────────────────────────────────────────────────────────────────────────────────────────────

    def do_gaps(self) -> None:
        self._set_listing(not self.listing)

    def do_there(self) -> None:
        gap = self._gap()
        if gap is not None and gap.row >= 0:
            self._set_listing(False)
            self.call_after_refresh(self.pane.scroll_to_line, max(gap.row - 2, 0))

    def do_update(self) -> None:
        self._build(anyway=True)

    def _say_written(self, target: str, size: int, alias: str) -> None:
        self.desk.say(f"written: {target} ({_bytes(size)}); vigie verify {alias} --against it checks it later")

    async def _write_apart(self, incident: IncidentNow, target: str) -> None:
        """Write a long report: it tells how far it is, and esc stops it; then there is no file."""
        from screens import report_apart
        from screens.report_build import Stopped, write

        deps = self.desk.deps
        if deps is None:
            return
        self._write_on = True

        def told(share: float) -> None:
            self._writing = (target, share)
            self._draw()

        told(0.0)
        later = self._from_thread(told)

        def fill(descriptor: int) -> None:
            report_apart.fill(deps, incident.stream, descriptor, lambda: self._write_on, later)

        try:
            _, size = await asyncio.to_thread(write, deps, incident.stream, target, fill)
        except Stopped:
            self.desk.say(f"stopped, nothing was written: {target}")
        except OSError as error:
            self.desk.say(_in_words(error, target), "error")
        else:
            self._say_written(target, size, incident.alias)
        finally:
            self._writing = None
            self._draw()

    def do_write(self) -> None:
        incident, deps = self.desk.incident, self.desk.deps
        if incident is None or deps is None:
            return

        async def submit(path: str) -> str | None:
            from console.journal.errors import JournalError
            from console.report.postmortem import TemplateProblem
            from screens.report_apart import LONG
            from screens.report_build import target_of, write

            if not path.strip():
                return "a file, please"
            if self._writing is not None:
                return f"{self._writing[0]} is being written: esc stops that"
            try:
                if incident.count >= LONG:
                    target = str(await asyncio.to_thread(target_of, path.strip()))
                    self.run_worker(self._write_apart(incident, target), group="write")
                    return None
                target, size = await asyncio.to_thread(write, deps, incident.stream, path.strip())
            except (JournalError, TemplateProblem, LookupError) as error:
                return str(error)
            except OSError as error:
                return _in_words(error, path.strip())
            self._say_written(target, size, incident.alias)
            return None

        from screens.report_build import suggestion

        self.desk.ask(
            Ask(
                id="write",
                label="write to>",
                submit=submit,
                text=suggestion(incident.alias),
                hint="Enter writes it; a file that exists is never overwritten",
            )
        )


def _in_words(error: OSError, path: str) -> str:
    return str(error) if error.errno is None or error.strerror is None else f"{path}: {error.strerror}"


def _bytes(size: int) -> str:
    return f"{size:,} B" if size < 10_000 else f"{size / 1000:,.0f} kB"
