"""The catalog: found by words, slips and letters; kept between starts; never believed beyond what the files are now."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.runbook import stocking
from console.runbook.catalog import Catalog
from console.runbook.ranking import Alert
from console.runbook.spelling import near


def book(folder: Path, name: str, title: str, *, head: str = "", symptoms: str = "", steps: str = "Look") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    front = f"---\n{head}\n---\n" if head else ""
    signs = f"## Symptoms\n\n- {symptoms}\n\n" if symptoms else ""
    path.write_text(f"{front}# {title}\n\n{signs}## Steps\n\n1. {steps}\n", encoding="utf-8")
    return path


@pytest.fixture
def books(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    book(folder, "pg.md", "Postgres failover", head="service: [ledger]", symptoms="writes are refused")
    book(folder, "db.md", "The database is slow", steps="Ask mysqladmin for its processes")
    book(folder, "mail.md", "Mail waits", symptoms="letters stay in the queue for hours")
    book(folder, "zh.md", "数据库磁盘已满", steps="清理日志")
    return folder


def stocked(folder: Path, catalog: Catalog | None = None) -> Catalog:
    catalog = catalog or Catalog()
    stamps, where, _ = stocking.scan([folder], shipped=False)
    stocking.read(catalog, stamps, where, catalog.stock(stamps))
    assert catalog.more() == []
    return catalog


def titles(catalog: Catalog, words: str) -> list[str]:
    return [card.title for card in catalog.search(words)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("failover", "Postgres failover"),
        ("FAIL post", "Postgres failover"),
        ("postgers", "Postgres failover"),  # two letters changed places
        ("failovr", "Postgres failover"),  # one is missing
        ("admin", "The database is slow"),  # inside a word of a step
        ("pgsfo", "Postgres failover"),  # letters in this order
        ("磁盘", "数据库磁盘已满"),
    ],
)
def test_words_slips_parts_and_letters(books: Path, typed: str, first: str) -> None:
    assert titles(stocked(books), typed)[0] == first


def test_every_word_must_be_there_and_no_words_are_all(books: Path) -> None:
    catalog = stocked(books)
    assert titles(catalog, "postgres letters") == []
    assert len(titles(catalog, "  ")) == 4
    assert titles(catalog, "m")[0] == "Mail waits"


def test_of_very_many_those_with_the_word_in_their_title_come_first_and_none_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.runbook.catalog._MANY", 4)
    folder = tmp_path / "many"
    for number in range(6):
        book(folder, f"{number}.md", f"Alarm {number}", steps="Restart it")
    book(folder, "z.md", "Restart of the feed")
    book(folder, "zz.md", "Autorestarts", steps="Count the nrestarts")
    catalog = stocked(folder)
    wanted = ["Restart of the feed", *(f"Alarm {number}" for number in range(6)), "Autorestarts"]
    assert titles(catalog, "restart") == wanted
    assert titles(catalog, "restart it")[0] == "Alarm 0" and len(titles(catalog, "restart it")) == 6


@given(st.text(max_size=30))
def test_whatever_is_typed_is_no_query_language(typed: str) -> None:
    catalog = Catalog()
    catalog.search(typed)
    catalog.rank(Alert(typed, {"a": typed}, {"summary": typed}))


def test_slips_are_of_the_beginning_too() -> None:
    assert near("postge", ["postgres", "mail"]) == ["postgres"]
    assert near("abc", ["abd"]) == []  # three letters are too few to guess from
    assert near("replicaton", ["replication", "replicas"])[0] == "replication"


def test_the_order_of_reasons(tmp_path: Path) -> None:
    """Pointed at, declared, named, name's words, labels, symptoms, full text."""
    book(tmp_path, "pointed.md", "Zebra")
    book(tmp_path, "declared.md", "Yak", head="match: {alertname: LedgerWritesRefused}")
    book(tmp_path, "LedgerWritesRefused.md", "Named")
    book(tmp_path, "words.md", "Refused writes")
    book(tmp_path, "label.md", "Anything", head="service: [vault]")
    book(tmp_path, "symptoms.md", "Else", symptoms="clients report sums that differ")
    book(tmp_path, "text.md", "Other", steps="sums of clients that differ, ledger, vault: report them")
    alert = Alert(
        "LedgerWritesRefused",
        {"service": "vault"},
        {"runbook_url": "https://wiki.example/pointed.md", "summary": "clients report sums that differ"},
    )
    found = stocked(tmp_path).rank(alert)
    assert [card.stem for card, _, _ in found][:6] == [
        "pointed", "declared", "ledgerwritesrefused", "words", "label", "symptoms",
    ]  # fmt: skip
    scores = [score for _, score, _ in found]
    assert scores == sorted(scores, reverse=True)
    assert "runbook_url" in found[0][2] and "declared for" in found[1][2] and "named after" in found[2][2]
    assert "refused" in found[3][2] and "labels share: vault" in found[4][2] and "symptoms" in found[5][2]


def test_only_what_changed_is_read_again(books: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    stocked(books, Catalog(kept)).close()
    again = Catalog(kept)
    stamps, where, _ = stocking.scan([books], shipped=False)
    assert again.stock(stamps) == []
    book(books, "mail.md", "Post waits")
    (books / "db.md").unlink()
    stamps, where, _ = stocking.scan([books], shipped=False)
    missing = again.stock(stamps)
    assert missing == [str(books / "mail.md")]
    assert sorted(titles(again, "")) == ["Postgres failover", "数据库磁盘已满"]  # what is gone or stale is not offered
    stocking.read(again, stamps, where, missing)
    assert again.more() == [] and "Post waits" in titles(again, "post")


def test_two_consoles_that_read_the_same_files_at_once_both_find_them(books: Path, tmp_path: Path) -> None:
    kept = tmp_path / "catalog.db"
    one, other = Catalog(kept), Catalog(kept)
    stamps, where, _ = stocking.scan((books,), shipped=False)
    missing = one.stock(stamps)
    assert missing and other.stock(stamps) == missing
    stocking.read(one, stamps, where, missing)
    assert one.more() == []
    before = titles(one, "p")
    assert before
    stocking.read(other, stamps, where, missing)  # it had looked before the first one was done
    assert other.more() == []
    assert titles(one, "p") == titles(other, "p") == before
    one.close()
    other.close()


def test_a_runbook_is_opened_from_its_file_never_from_the_catalog(books: Path) -> None:
    catalog = stocked(books)
    (card,) = catalog.search("failover")
    _, where, _ = stocking.scan([books], shipped=False)
    book(books, "pg.md", "Postgres failover", steps="Something else by now")
    opened = stocking.open_card(card, where)
    assert opened is not None and next(opened.steps()).title == "Something else by now"
    (books / "pg.md").unlink()
    assert stocking.open_card(card, where) is None


def test_the_file_is_this_users_alone_and_a_damaged_one_is_begun_anew(home: Path) -> None:
    path = stocking.place()
    assert path is not None
    stocking.open_catalog(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.write_bytes(b"this is no database, and it is longer than a header of one would be" * 40)
    catalog = stocking.open_catalog(path)
    assert catalog.cards() == []
    catalog.close()
    path.unlink()
    path.symlink_to("/etc/hostname")
    assert stocking.place() is None


def test_what_nobody_uses_is_forgotten(books: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    catalog = stocked(books, Catalog(kept))
    catalog.prune({}, 10**6, keep_days=30, most_bytes=10**9)
    with sqlite3.connect(kept) as looked:
        assert looked.execute("SELECT (SELECT count(*) FROM file), (SELECT count(*) FROM card)").fetchone() == (0, 0)
    assert catalog.more() and catalog.cards() == catalog.cards()


def test_a_process_reads_those_that_the_alert_names_first(books: Path, home: Path) -> None:
    names = [f"/x/{name}.md" for name in ("a", "LedgerDown", "ledger-notes", "b")]
    assert stocking.nearest_first(names, ["LedgerDown", "ledger"])[:2] == ["/x/LedgerDown.md", "/x/ledger-notes.md"]
    path = stocking.place()
    assert path is not None
    Catalog(path).close()
    apart = stocking.Apart(path, [books], ["pg"])
    try:
        assert apart._child.wait(60) == 0
    finally:
        apart.stop()
    catalog = Catalog(path)
    stamps, _, _ = stocking.scan([books])
    assert catalog.stock(stamps) == [] and titles(catalog, "failover") == ["Postgres failover"]
    lock = path.with_name(path.name + ".lock")
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_find_by_name_reads_what_it_must(books: Path, home: Path) -> None:
    for name in ("mail", "Mail waits"):
        found = stocking.find_runbook(name, [books])
        assert found is not None and found.title == "Mail waits"
    assert stocking.find_runbook("nothing-like-it", [books]) is None
