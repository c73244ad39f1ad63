"""A checkpoint and the tail give what the whole stream gives."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from console.journal import folds
from console.journal.events import Event, New, Noted
from console.journal.folds import fold_stream
from console.journal.store import Journal

Open = Callable[..., Journal]


class Tally(Struct):
    count: int = 0
    words: list[str] = []
    last: str = ""


class TallyFold:
    name = "tally"
    version = 1

    def __init__(self) -> None:
        self.applied = 0

    def initial(self) -> Tally:
        return Tally()

    def apply(self, state: Tally, event: Event) -> Tally:
        self.applied += 1
        state.count += 1
        if isinstance(event.body, Noted):
            state.words.append(event.body.text)
            state.last = event.body.text
        return state


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(min_value=0, max_value=7), min_size=1, max_size=6))
def test_checkpoint_and_tail_equal_the_whole(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    from console.journal.events import Declared

    monkeypatch.setattr(folds, "EVERY", 2)
    stream = journal.declare([New(body=Declared(title="t"))])[0]
    for round_, size in enumerate(sizes):
        journal.append(stream, [New(body=Noted(text=f"{round_}.{n}")) for n in range(size)])
        assert fold_stream(journal, stream, TallyFold()) == fold_stream(journal, stream, TallyFold(), checkpoint=False)


def test_a_second_fold_reads_only_the_tail(journal: Journal, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folds, "EVERY", 10)
    journal.append(stream, [New(body=Noted(text=str(n))) for n in range(50)])
    fold_stream(journal, stream, TallyFold())
    journal.append(stream, [New(body=Noted(text="tail"))])
    fold = TallyFold()
    assert fold_stream(journal, stream, fold).count == 52
    assert fold.applied == 1


def test_another_version_folds_from_the_start(journal: Journal, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folds, "EVERY", 1)
    journal.append(stream, [New(body=Noted(text="x")), New(body=Noted(text="y"))])
    fold_stream(journal, stream, TallyFold())
    newer = TallyFold()
    newer.version = 2
    assert fold_stream(journal, stream, newer).count == 3
    assert newer.applied == 3


def test_a_redaction_throws_checkpoints_away(journal: Journal, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folds, "EVERY", 1)
    (event, _) = journal.append(stream, [New(body=Noted(text="secret")), New(body=Noted(text="y"))])
    assert "secret" in fold_stream(journal, stream, TallyFold()).words
    journal.redact(event.id, "")
    assert "secret" not in fold_stream(journal, stream, TallyFold()).words


def test_a_reader_folds_without_writing(
    opened: Open, journal: Journal, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folds, "EVERY", 1)
    journal.append(stream, [New(body=Noted(text="x")), New(body=Noted(text="y"))])
    assert fold_stream(opened(read_only=True), stream, TallyFold()).count == 3
