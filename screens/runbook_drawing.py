"""Drawing a run being followed: which parts there are, the step in the large, its command's output. It decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.widget import Widget

from console.runbook.asides import asides_of
from console.runbook.model import Command, Step
from console.runbook.progress import OPEN, RunView, StepView
from console.runbook.resolve import Place, Resolved, commands_of, copy_only, resolve
from screens import runbook_list, runbook_step
from screens.runbook_base import INFO, OUTPUT, STEP, WHOLE, Looking, RunKeys
from screens.runbook_list import PHASE
from screens.widgets.line import Lines
from screens.widgets.text import Span, Words, fit, width_of, wrap

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.geometry import Size


def list_width(width: int) -> int:
    """The width of the list of steps on a screen of *width* columns."""
    return min(max(width * 36 // 100, 26), 56)


class Drawing(RunKeys):
    """See the module."""

    head: Lines
    bar: Any
    output_head: Lines
    _place: Place | None
    _in_sight: bool
    _resolving: tuple[Any, ...]

    if TYPE_CHECKING:

        @property
        def size(self) -> Size: ...

        @property
        def is_mounted(self) -> bool: ...

        @property
        def ancestors_with_self(self) -> list[DOMNode]: ...

    @property
    def extent(self) -> Size:
        """What this view has of the screen; before it has its place, what it will have: the first frame is the right one."""
        sizes = (node.size for node in self.ancestors_with_self if isinstance(node, Widget))
        return next((size for size in sizes if size.height), self.size)

    def _share(self, height: int) -> None:
        """How much room the step and its output get."""
        raise NotImplementedError

    def _frame_written(self) -> None:
        """The command was painted."""
        raise NotImplementedError

    def draw(self, *, top: bool = False) -> None:
        """Everything that depends on the run, the step, the time."""
        looking = self._looking
        if looking is None or not self.is_mounted or not self._in_sight:
            return
        now, extent = self.desk.now(), self.extent
        left, right = runbook_list.run_head(looking.view, looking.runbook, self._now.runs, now, self._number(looking))
        if self.instruction:
            left = (*left, ("  COPY ONLY", "degraded"))
        self.bar.show([self.desk.look.sign("bar")] * extent.height)
        if self.mode == INFO:
            self.head.put(left, right)
            self.arming.show("")
            return
        self._draw_page(looking, top=top)
        below = self.page.hidden_below if self.mode == STEP else 0
        if below:
            more = f"{self.desk.look.sign('more')} {below} more"
            lines = f" line{'s' if below > 1 else ''}: Enter  "
            short = (more + ": Enter  ", "notice")
            # Where one is must stay in sight: who began it, and that there are other runs, gives way.
            ways: tuple[tuple[Span, ...], ...] = (((more + lines, "notice"), *right), (short, *right), (short,))
            right = next((way for way in ways if width_of((*left, *way), self.desk.look) < extent.width), (short,))
        over = width_of((*left, *right), self.desk.look) + 1 - extent.width
        if over > 0:  # a long title gives way, not where one is
            name, tone = left[0]
            left = (*fit(name, max(width_of(name, self.desk.look) - over, 12), self.desk.look, tone), *left[1:])
        self.head.put(left, right)
        self._draw_output()

    def _number(self, looking: Looking) -> str:
        """The number of the step that is shown; with a heading selected, of the current one."""
        numbers = looking.numbers.by_step
        return numbers.get(self.table.key) or numbers.get(looking.view.current, "–")

    def _draw_page(self, looking: Looking, *, top: bool) -> None:
        width = self.page.size.width or self._page_width()
        key = self.table.key
        if key.startswith(PHASE):
            self._resolved = None
            self.arming.show("")
            self.page.await_nothing()
            self.page.show(self._phase_lines(looking, int(key.removeprefix(PHASE)), width), top=top)
            return
        found = looking.view.step(key)
        if found is None:
            self.page.show(())
            return
        phase, step = self._model(looking, key)
        commands = commands_of(step) if step is not None else ()
        self.command_at = min(self.command_at, max(len(commands) - 1, 0))
        self._resolved = self._resolve(looking, step, commands)
        subject = self._subject(looking.view, found)
        fresh = self.arming.show(subject)
        page = runbook_step.step_page(
            step,
            looking.view,
            found,
            looking.numbers.by_step.get(key, ""),
            phase=phase,
            commands=commands,
            selected=self.command_at,
            resolved=self._resolved,
            armed=self.arming.armed,
            running=self._is_running(found),
            params=looking.runbook.params if looking.runbook is not None else (),
            values=looking.view.values,
            held=frozenset(name for run, name in self.secrets if run == looking.view.run),
            width=width,
            body_lines=10**6 if self.mode == WHOLE else self._room_for_body(step, found, commands, width),
            look=self.desk.look,
            now=self.desk.now(),
            blocked=self._blocked(key),
            listed=bool(self.table.display),
            asides=asides_of(looking.runbook),
            where=lambda goto: runbook_step.goto_words(looking.runbook, looking.numbers.by_step, goto),
        )
        self.page.show(page.lines, top=top)
        self._share(self.extent.height)
        if not subject:
            self.page.await_nothing()
        elif fresh or (not self.arming.is_framed and self.page.awaited != page.command):
            if self.mode == STEP:
                self.page.reveal(page.command)
            self.page.await_paint(page.command, self._frame_written)

    def _page_width(self) -> int:
        """The width that the step will have beside the list."""
        width = self.extent.width
        return width - list_width(width) - 1 if self.table.display else width

    def _room_for_body(self, step: Step | None, found: StepView, commands: Sequence[Command], width: int) -> int:
        """Lines that the text may take, so that the command below it is in sight."""
        height = self.extent.height
        room = height - 1
        if self.output.display:
            room -= 1 + max(height // 3, 3)
        taken = 3 + (2 if found.state != OPEN else 0) + 2 * min(len(found.observed), 3)
        if commands and self._resolved is not None:
            pieces = len(runbook_step.exact_pieces(self._resolved.ready.shown, width - 4))
            taken += pieces + 4 + len(self._resolved.warnings) + len(commands[self.command_at].params)
        if step is not None and step.expect:
            taken += 2
        return max(room - taken, 2)

    def _resolve(self, looking: Looking, step: Step | None, commands: Sequence[Command]) -> Resolved | None:
        if step is None or not commands:
            return None
        if self._place is None:
            self._place = Place.here()
        params = {param.name: param for param in looking.runbook.params} if looking.runbook is not None else {}
        values = self._values(looking)
        blocked = self._blocked(step.id)
        only = copy_only(looking.runbook, instruction=self.instruction)
        asked = (commands[self.command_at], step, values, self.desk.look.ascii_only, blocked, only)
        if (
            self._resolved is None or asked != self._resolving
        ):  # parsing shell text four times a second would be a waste
            self._resolving = asked
            return resolve(
                asked[0], step, params, values, self._place, ascii_only=asked[3], blocked=blocked, copy_only=only
            )
        return self._resolved

    def _subject(self, view: RunView, found: StepView) -> str:
        """What the frame promises; "" when nothing may run."""
        resolved = self._resolved
        if (
            resolved is None
            or not resolved.runs
            or view.end is not None
            or self.desk.read_only
            or self._is_running(found)
        ):
            return ""
        return "\0".join((view.run, found.id, str(self.command_at), str(len(found.commands)), resolved.subject))

    def _phase_lines(self, looking: Looking, at: int, width: int) -> list[Words]:
        runbook = looking.runbook
        if runbook is None:
            return []
        phase = runbook.phases[at - 1]
        lines: list[Words] = [((f" {at} {phase.title}", "title"),)]
        if phase.pause:
            lines += [
                ((" confirm first: ", "degraded"), (line, "degraded"))
                for line in wrap(phase.pause, width - 17, self.desk.look)
            ]
        lines.append("")
        for step in phase.steps:
            found = looking.view.step(step.id)
            state = found.state if found is not None else OPEN
            number = looking.numbers.by_step.get(step.id, "")
            lines.append(
                ((f"   {number:<5} ", "dim"), (step.title, "text"), (f"  {state}" if state != OPEN else "", "dim"))
            )
        return lines

    def _draw_output(self) -> None:
        execution = self.execution
        if execution is None or not self.output.display:
            return
        found = self.feed.now
        finish = execution.finish or (found.finish if found is not None else None)
        lost = found is not None and found.is_lost
        kept = f"in {found.path}" if found is not None and found.path else "(of the record)"
        size = found.size if found is not None else finish.size if finish is not None else 0
        left, right = runbook_step.output_head(execution, size, kept, finish, lost, self.desk.now())
        fits = self.mode == OUTPUT or width_of((*left, *right), self.desk.look) < self.output.size.width
        self.output_head.put(left, right if fits else ((f"{size:,} B ", "faint"),))
        lines: Sequence[Words] = found.lines if found is not None else ()
        if not lines and finish is not None:
            lines = ((("(no output)" if not size else "(nothing of it is left on its screen)", "dim"),),)
        self.output.show(lines)
