"""What the chain catches, and what it can't."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.journal.codec import canonical
from console.journal.events import New, Noted
from console.journal.store import Journal


def tamper(db: Path, sql: str) -> None:
    """Change the file as somebody with write access and no scruples would."""
    other = sqlite3.connect(db, isolation_level=None)
    for name in ("events_are_never_changed", "events_are_never_deleted", "events_are_never_replaced"):
        other.execute(f"DROP TRIGGER {name}")
    other.execute(sql)
    other.close()


@pytest.mark.parametrize(
    ("sql", "bad", "words"),
    [
        ("UPDATE events SET body = replace(body, 'two', 'TWO') WHERE seq = 3", 3, "not what was recorded"),
        ("UPDATE events SET occurred_at = occurred_at - 1 WHERE seq = 4", 4, "envelope"),
        ("UPDATE events SET actor = 'bob' WHERE seq = 2", 2, "envelope"),
        ("UPDATE events SET body = NULL WHERE seq = 3", 3, "without a redaction"),
        ("DELETE FROM events WHERE seq = 3", 3, "missing"),
        ("UPDATE events SET seq = seq + 10 WHERE seq >= 4", 4, "missing"),
        ("UPDATE events SET hash = '00' WHERE seq = 2", 2, "envelope"),
    ],
)
def test_an_edit_is_found_at_the_first_bad_seq(
    journal: Journal, stream: str, db: Path, sql: str, bad: int, words: str
) -> None:
    journal.append(stream, [New(body=Noted(text=text)) for text in ("one", "two", "three", "four")])
    assert journal.verify(stream).ok
    tamper(db, sql)
    verdict = journal.verify(stream)
    assert verdict.bad_seq == bad
    assert words in verdict.problem


def test_a_cut_tail_is_seen_only_against_an_anchor(journal: Journal, stream: str, db: Path) -> None:
    journal.append(stream, [New(body=Noted(text=text)) for text in ("one", "two")])
    anchor = journal.head(stream)
    tamper(db, "DELETE FROM events WHERE seq = 3")
    verdict = journal.verify(stream)
    assert verdict.ok
    assert (verdict.count, verdict.head) != anchor


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_canonical_json_is_stable_and_encodable(value: object) -> None:
    text = canonical(value)
    text.encode("utf-8")
    import json

    assert canonical(json.loads(text)) == text
