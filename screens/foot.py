"""The last two lines: the line being typed, and under it its preview, or what was just said, or the keys.

One ask at a time. What is typed is kept as a draft at every change; an answer to the operator never covers the line.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.widget import Widget

from screens import actions
from screens.asks import Ask, Choice, Refusal
from screens.desk import Desk
from screens.performs import Performs
from screens.widgets.editor import LONGEST, LineEditor
from screens.widgets.line import Lines
from screens.widgets.text import Span, Words, clean, width_of

if TYPE_CHECKING:
    from screens.arming import Arming
    from screens.widgets.table import Table

_ALWAYS = frozenset({"leave", "repaint", "suspend"})  # what an ask that is not armed yet does not hold back
_NAME = 40  # cells for the name of a choice at most
_MEASURED = 500  # so many of them are looked at
SCRIBE = "scribe"  # draft key of the scribe line


class Foot(Performs, Widget, inherit_bindings=False):
    """The prompt and the hint line. The bridge hands it the keys while :attr:`typing`."""

    DEFAULT_CSS = "Foot { width: 100%; height: 2; layout: vertical; }"
    where: ClassVar[str] = "prompt"

    def __init__(self, desk: Desk, hints: Callable[[], Words]) -> None:
        """*hints* says which keys work now."""
        super().__init__()
        self.desk = desk
        self.choices: Table | None = None  # over the body while there is something to choose; made when there first is
        self._hints = hints
        self.prompt = Lines(lambda: desk.look, id="prompt")
        self.hint = Lines(lambda: desk.look, id="hint", tone="dim")
        self.current: Ask | None = None
        self._editor = LineEditor()
        self._offered: Mapping[str, Choice] = {}
        self._refusal = ""
        self._said: tuple[str, str] = ("", "")
        self._arming: Arming | None = None  # of an ask that must have been seen first

    def compose(self) -> ComposeResult:
        yield self.prompt
        yield self.hint

    def on_mount(self) -> None:
        self.desk.asked.subscribe(self, self.open, immediate=True)
        self.desk.said.subscribe(self, self.say, immediate=True)
        self.desk.terminal_answered.subscribe(self, self._terminal_answered, immediate=True)
        self.desk.drafts_loaded.subscribe(self, self._drafts_loaded, immediate=True)
        self.desk.troubled.subscribe(self, lambda _: self.draw_hint(), immediate=True)
        # Not immediate: rooms take the news first, and what is possible is asked of them.
        self.desk.incident_changed.subscribe(self, lambda _: self.draw_hint())
        self.draw()

    @property
    def typing(self) -> bool:
        """Whether printable keys are text now."""
        return self.current is not None

    @property
    def text(self) -> str:
        """What stands in the line."""
        return self._editor.text

    @property
    def told(self) -> str:
        """What was said last, while it stands there."""
        return self._said[0]

    # ── opening, typing, closing ────────────────────────────────────────────────────────────────────────────────

    def open(self, ask: Ask | None) -> None:
        """Begin *ask* with its draft, if there is one; None closes the line."""
        self.current = ask
        self._refusal = ""
        self._arming = None
        if ask is None:
            self._offer()
        else:
            draft = self.desk.drafts.get(ask.draft) if ask.draft else ""
            self._editor.set(draft or ask.text)
            if ask.at_start and not draft:
                self._editor.home()
            self._offer()
            self._shape()
        self.draw()
        if ask is not None and ask.armed:
            self._await_sight(ask)

    def _await_sight(self, ask: Ask) -> None:
        """Ask the terminal about the frame that shows *ask*."""
        from screens.arming import Arming, write_question

        arming = self._arming = Arming(counter=self.desk.questions, answers=self.desk.terminal_answers)
        arming.rows, arming.columns = self.app.size.height, self.app.size.width
        arming.show(ask.label)

        def framed() -> None:
            place = arming.framed(monotonic()) if arming is self._arming else None
            if place is not None:
                write_question(self.app, place)

        self.call_after_refresh(framed)

    def _terminal_answered(self, place: tuple[int, int]) -> None:
        if self._arming is not None:
            self._arming.answered(place)

    def _dropped(self, action: actions.Action | None) -> str:
        """Why a key is not taken yet: the terminal has not shown the question. "" when it has."""
        arming = self._arming
        if arming is None or arming.armed or (action is not None and action.name in _ALWAYS):
            return ""
        if action is None or action.name != "save":
            if arming.is_silent(monotonic()):
                arming.key(monotonic())
                return ""
            return "typed before the question was on the screen: nothing was taken; type it now"
        arming.answers = self.desk.terminal_answers
        verdict = arming.press(monotonic())
        if verdict == "asked":
            from screens.arming import write_question

            write_question(self.app, arming.ask(monotonic()))
        if verdict == "again":
            return "this terminal does not say what it shows: look, wait a second, Enter again"
        return (
            ""
            if verdict == "run"
            else "the key came before the question was on the screen: nothing was done; once more"
        )

    async def key(self, key: str, character: str | None) -> None:
        """One key while typing. Bound keys first, then the editor; anything else is dropped."""
        action = next((action for action in actions.of("prompt") if key in action.keys), None)
        dropped = self._dropped(action)
        if dropped:
            self._refuse(dropped)
        elif action is not None:
            await self.perform(action)
        elif self._editor.key(key, character):
            self._changed()

    def paste(self, text: str) -> None:
        """Text from the clipboard: made visible, and never read as keys."""
        dropped = self._dropped(None)
        if dropped:
            self._refuse(dropped)
            return
        text = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")  # terminals send line ends as CR
        before = len(self._editor.text)
        self._editor.insert(text)
        whole = len(self._editor.text) - before >= len(text)
        self._changed()
        if not whole:
            self._refuse(f"only {LONGEST:,} characters fit into a line: `vigie attach` keeps a file whole")

    def _changed(self) -> None:
        ask = self.current
        if ask is None:
            return
        self._refusal = ""
        if ask.draft and not ask.secret:
            self.desk.drafts.put(ask.draft, self._editor.text)
        if ask.typed is not None:
            ask.typed(self._editor.text)
        self._offer()
        self._tell_chosen()
        self.draw()

    def _offer(self) -> None:
        """What can be chosen for what stands in the line, the best of it marked."""
        ask = self.current
        found = ask.choices(self._editor.text) if ask is not None and ask.choices is not None else ()
        self._offered = {choice.key: choice for choice in found}
        table = self._table() if self._offered else self.choices
        if table is None:
            return
        table.display = bool(self._offered)
        from screens.widgets.table import ListRows

        keys = tuple(self._offered)
        offered = self._offered
        table.show(ListRows(keys, lambda index: _cells(offered[keys[index]])), to="$start")

    def _shape(self) -> None:
        """The names of the choices in a column as wide as the longest, for as long as the line is open."""
        if not self._offered or self.choices is None:
            return
        from screens.widgets.table import Column, fitted

        names = islice(self._offered.values(), _MEASURED)
        longest = max(width_of(choice.words, self.desk.look) for choice in names)
        self.choices.shape((fitted(longest, 8, _NAME), Column(flex=1)))

    def _table(self) -> Table:
        if self.choices is None:
            from screens.widgets.table import Column, Table

            self.choices = Table(self.desk, (Column(flex=1),), id="choices")
            self.screen.mount(self.choices)
        return self.choices

    @property
    def _chosen(self) -> str:
        """The key of the choice that is marked; "" when there is nothing to choose."""
        return self.choices.key if self._offered and self.choices is not None else ""

    async def do_save(self) -> None:
        ask = self.current
        if ask is None:
            return
        text = self._chosen or self._editor.text
        if ask.choices is not None and not self._offered:
            self._refuse("nothing fits; esc leaves")
            return
        if ask.draft:
            self.desk.drafts.put(ask.draft, "")  # before: what can't be saved puts its draft back
        answer: Refusal = None
        result = ask.submit(text)
        answer = await result if inspect.isawaitable(result) else result
        if answer:
            if ask.draft and not ask.secret:
                self.desk.drafts.put(ask.draft, text)
            if self.current is ask:
                self._refuse(answer)
            return
        if self.current is ask:  # the answer may have opened another line
            self.open(None)

    def _refuse(self, line: str) -> None:
        self._refusal = line
        self.draw()

    def do_leave(self) -> None:
        ask = self.current
        self.open(None)
        if ask is not None and ask.left is not None:
            ask.left()

    def do_clear(self) -> None:
        self._editor.set("")
        self._changed()

    def do_next(self) -> None:
        self._choose(1)

    def do_previous(self) -> None:
        self._choose(-1)

    def _choose(self, by: int) -> None:
        if self._offered and self.choices is not None:
            self.choices.go((self.choices.index + by) % len(self._offered))
            self._tell_chosen()
            self.draw()

    def _tell_chosen(self) -> None:
        ask = self.current
        if ask is not None and ask.chosen is not None and self._offered:
            ask.chosen(self._chosen)

    def do_edit(self) -> None:
        ask = self.current
        if ask is None:
            return
        if ask.secret or ask.choices is not None:
            self._refuse("this line is not for an editor")
            return
        from screens.editing import edit

        def put(text: str) -> None:
            if self.current is ask:
                self._editor.set(text)
                self._changed()
                if len(text) > LONGEST:
                    self._refuse(f"only {LONGEST:,} characters fit into a line: `vigie attach` keeps a file whole")
            elif ask.draft:
                self.desk.drafts.put(ask.draft, text)

        def tell(line: str) -> None:
            if self.current is ask:
                self._refuse(line)
            else:
                self.desk.say(line, "error")

        refusal = edit(self.desk, self._editor.text, put, tell)
        if refusal:
            self._refuse(refusal)

    def do_repaint(self) -> None:
        self.desk.repaint()

    def do_suspend(self) -> None:
        self.desk.stop()

    # ── what is said ────────────────────────────────────────────────────────────────────────────────────────────

    def say(self, said: tuple[str, str]) -> None:
        """A line for the operator; it stays until the next key that does something, or until it is no longer so."""
        line, tone = said
        if line:
            self._said = said
        elif self._said[0] == tone:
            self._said = ("", "")
        self.draw_hint()

    def hush(self) -> None:
        """A key was pressed: what was said has been seen."""
        if self._said[0]:
            self._said = ("", "")
        self.draw_hint()

    def _drafts_loaded(self, _: Mapping[str, str]) -> None:
        if self.current is not None and self.current.draft and not self._editor.text:
            self._editor.set(self.desk.drafts.get(self.current.draft))
        self.draw()

    # ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def draw(self) -> None:
        """Both lines."""
        self.prompt.put(self._prompt_words())
        self.draw_hint()

    def _prompt_words(self) -> tuple[Span, ...]:
        ask = self.current
        if ask is None:
            draft = self.desk.drafts.get(SCRIBE)
            if draft:
                return (("n> ", "dim"), (_shown(draft, self.desk), "dim"), ("  (draft)", "faint"))
            return (("n>", "faint"),)
        label = (ask.label + " ", "accent")
        text, at = self._editor.text, self._editor.at
        if ask.secret:
            text = "*" * len(text)
        look = self.desk.look
        room = max(self.size.width - width_of((label,), look) - 1, 8)
        start = 0
        while width_of(_shown(text[start:at], self.desk), look) >= room:  # keep the place in sight
            start += max(room // 2, 1)
        before = _shown(text[start:at], self.desk)
        under = _shown(text[at : at + 1], self.desk) or " "
        return (label, (before, "text"), (under, "caret"), (_shown(text[at + 1 :], self.desk), "text"))

    def draw_hint(self) -> None:
        """The line under the line."""
        ask = self.current
        if ask is None:
            if self._said[0]:
                self.hint.put((self._said,))
            else:
                self.hint.put(self._hints())
            return
        indent: Span = (" " * (len(ask.label) + 1), "dim")
        if self._refusal:
            self.hint.put((indent, (self._refusal, "error")))
            return
        words: Words = ask.hint() if callable(ask.hint) else ask.hint
        if self._editor.text and ask.preview is not None:
            words = ask.preview(self._editor.text)
        spans = ((words, "dim"),) if isinstance(words, str) else words
        unsaved = self.desk.unsaved
        right: Words = ((f"unsaved ({unsaved})", "error"),) if unsaved else ()
        self.hint.put((indent, *spans), right)

    def redraw(self) -> None:
        """The look changed."""
        for lines in (self.prompt, self.hint, self.choices):
            if lines is not None:
                lines.redraw()
        self.draw()


def _shown(text: str, desk: Desk) -> str:
    return clean(text.replace("\n", "|" if desk.look.ascii_only else "↵"), desk.look)


def _cells(choice: Choice) -> tuple[Words, ...]:
    """The row of a choice."""
    words = choice.words if not isinstance(choice.words, str) else ((choice.words, "title"),)
    about = choice.about if not isinstance(choice.about, str) else ((choice.about, "dim"),)
    return (words, ((" ", "dim"), *about)) if about and any(text for text, _ in about) else (words,)
