"""The kept screen: what is written, what is believed, and that nothing but plain text ever comes back from it."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.sanitize import is_clean
from screens import kept
from tests.e2e.screen_model import ScreenModel

OURS = re.compile(r"\x1b\[(?:\?(?:1049|25|7)[hl]|\d*(?:;\d+)?H|2J|[\d;]*m)")


@pytest.fixture
def place(tmp_path: Path) -> kept.Place:
    database = tmp_path / "vigie.db"
    database.write_bytes(b"x")
    found = kept.place_of({"db": str(database)}, {"HOME": str(tmp_path), "TERM": "xterm"})
    assert found is not None
    return found


def cells(width: int = 60, height: int = 12, text: str = "api down") -> list[list[str]]:
    return [list(f"{f'{text} {number}':<{width}}") for number in range(height)]


def keep(place: kept.Place, rows: list[list[str]] | None = None, at: float | None = None) -> Path:
    data = kept.form(rows or cells(), place, time.time() if at is None else at, place.key.split("|")[0], "")
    assert data is not None
    assert kept.save(place, data)
    return Path(place.path)


def test_a_screen_comes_back_as_it_was_without_its_clocks(place: kept.Place) -> None:
    file = keep(place, [list("x" * 60) for _ in range(12)])
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    found = kept.load(place, time.time())
    assert found is not None and (found.width, found.height) == (60, 12)
    assert found.rows[0] == "x" * 47 and found.rows[2] == "x" * 60


def test_another_database_operator_or_terminal_has_another_screen(tmp_path: Path) -> None:
    def path(environ: dict[str, str] | None = None, **options: str) -> str:
        found = kept.place_of(options, {"HOME": str(tmp_path), "TERM": "xterm", **(environ or {})})
        assert found is not None
        return found.path

    paths = {
        path(), path(db="/a.db"), path({"VIGIE_DB": "/b.db"}), path(actor="ann"), path({"SUDO_USER": "bob"}),
        path({"TERM": "linux"}), path({"LANG": "C"}), path(config="/c.yaml"),
    }  # fmt: skip
    assert len(paths) == 8
    assert path(db="/a.db") == path({"VIGIE_DB": "/a.db"})


def test_nowhere_to_keep_it() -> None:
    assert kept.place_of({}, {}) is None
    assert kept.place_of({}, {"HOME": "relative"}) is None
    assert kept.place_of({"db": "/a\nb.db"}, {"HOME": "/h"}) is None


def test_what_others_may_read_or_have_made_is_not_believed(place: kept.Place, tmp_path: Path) -> None:
    file = keep(place)
    for mode in (0o640, 0o604, 0o620):
        file.chmod(mode)
        assert kept.load(place, time.time()) is None
    file.chmod(0o600)
    assert kept.load(place, time.time()) is not None
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert kept.load(place, time.time()) is None
    file.unlink()
    os.mkfifo(file, 0o600)
    assert kept.load(place, time.time()) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_owner_is_not_believed(place: kept.Place) -> None:
    os.chown(keep(place), 65534, -1)
    assert kept.load(place, time.time()) is None


def test_a_folder_that_others_may_write_to_is_not_used(place: kept.Place) -> None:
    file = keep(place)
    file.unlink()
    file.parent.chmod(0o777)
    data = kept.form(cells(), place, time.time(), place.key.split("|")[0], "")
    assert data is not None and not kept.save(place, data)
    assert list(file.parent.iterdir()) == []


def test_too_large_too_old_from_the_future_or_of_another_version(place: kept.Place) -> None:
    now = time.time()
    file = keep(place)
    good = file.read_bytes()
    for bad in (
        b"", b"\n", good[:-20], good + b"more\n", good.replace(b"vigie-kept 2", b"vigie-kept 1", 1), b"x" * (kept.LARGEST + 1),
        good.replace(b"\t60\t12\t", b"\t60\t11\t"), good.replace(b"\t60\t12\t", b"\t60\t-12\t"), good.replace(b"\t60\t", b"\t5\t"),
    ):  # fmt: skip
        file.write_bytes(bad)
        assert kept.load(place, now) is None, bad[:60]
    keep(place, at=now - kept.OLDEST_S - 60)
    assert kept.load(place, now) is None


def test_a_database_that_was_replaced_or_removed_has_no_screen(place: kept.Place) -> None:
    keep(place)
    database = Path(place.key.split("|")[0])
    other = database.with_name("other")
    other.write_bytes(b"y")
    other.replace(database)
    assert kept.load(place, time.time()) is None
    keep(place)
    assert kept.load(place, time.time()) is not None
    database.unlink()
    assert kept.load(place, time.time()) is None


def test_what_the_next_start_needs_of_the_configuration_stands_with_it(place: kept.Place) -> None:
    database = place.key.split("|")[0]
    levels = ("SEV1", "not\tso bad", "")
    data = kept.form(cells(), place, time.time(), database, "", "the yard \u2013 north", levels)
    assert data is not None and kept.save(place, data)
    found = kept.load(place, time.time())
    assert found is not None and found.database == database and found.title == "the yard \u2013 north"
    assert found.severities == ("SEV1", "", "")


def test_a_configuration_that_was_changed_has_no_screen(tmp_path: Path) -> None:
    database, config = tmp_path / "v.db", tmp_path / "v.yaml"
    database.write_bytes(b"x")
    config.write_text("title: a\n")
    place = kept.place_of({"db": str(database), "config": str(config)}, {"HOME": str(tmp_path)})
    assert place is not None
    data = kept.form(cells(), place, time.time(), str(database), str(config))
    assert data is not None and kept.save(place, data)
    assert kept.load(place, time.time()) is not None
    os.utime(config, ns=(1, 1))
    assert kept.load(place, time.time()) is None


HOSTILE = ["\x1b[2J", "\x07", "\x9b31m", "\u202e", "\u200b", "\u2066", "\ufe0f", "\u3164", "\U000e0041", "\x00", "\t"]


@pytest.mark.parametrize("what", HOSTILE)
def test_a_row_with_anything_hostile_makes_the_file_worthless(place: kept.Place, what: str) -> None:
    file = keep(place)
    file.write_bytes(file.read_bytes().replace(b"api down 5", b"api " + what.encode() + b" 5"))
    assert kept.load(place, time.time()) is None


@given(st.lists(st.text(max_size=20), max_size=8), st.integers(40, 130), st.integers(10, 50))
def test_only_our_sequences_and_plain_text_are_sent(texts: list[str], width: int, height: int) -> None:
    """Whatever the rows are, they are refused, or a terminal that is sent them does nothing but show them."""
    head = "vigie-kept 1\tkey\t1000\t60\t12\t0\t0\t0\t\t"
    rows = (texts + [""] * 12)[:12]
    place = kept.Place("/nowhere", "key", "")
    found = kept.parse("\n".join((head, *rows)).encode("utf-8", "surrogatepass"), place, 1000.0)
    if found is None:
        return
    drawn = kept.drawing(found, width, height, 1000.0, ascii_only=False)
    assert drawn is not None
    rest = OURS.sub("", drawn[0])
    assert "\x1b" not in rest and is_clean(rest) and not any(ord(char) < 32 for char in rest)


@given(st.binary(max_size=400))
def test_no_file_makes_it_fail(data: bytes) -> None:
    kept.parse(data, kept.Place("/nowhere", "key", ""), 0.0)


def test_cells_that_are_not_plain_are_not_written(place: kept.Place) -> None:
    rows = cells()
    rows[4][:3] = ["\x1b", "\u202e", "Ａ"]
    rows[4][3:4] = [""]
    keep(place, rows)
    found = kept.load(place, time.time())
    assert found is not None and found.rows[4].startswith("??Ａ")


def test_it_says_that_it_is_old_and_shows_no_colour(place: kept.Place) -> None:
    now = time.time()
    keep(place, cells(80, 24), at=now - 3 * 3600 - 12 * 60 - 5)
    found = kept.load(place, now)
    assert found is not None
    drawn = kept.drawing(found, 80, 24, now, ascii_only=True)
    assert drawn is not None
    data, rows = drawn
    assert rows[-1].startswith(" kept screen, 3 h 12 min old - opening ...") and rows[0].endswith(
        " kept, 3 h 12 min old "
    )
    assert len(rows) == 24 and len(rows[0]) == len(rows[-1]) == 80
    assert set(re.findall(r"\x1b\[([\d;]*)m", data)) <= {"", "7", "0;2"}
    assert data.index("kept screen") < data.index("api down")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s old"),
        (59, "59 s old"),
        (61, "1 min old"),
        (7260, "2 h 1 min old"),
        (200000, "2 d 7 h old"),
        (-60, "of unknown age"),
    ],
)
def test_ages(seconds: float, words: str) -> None:
    assert kept.age_in_words(seconds) == words


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 40), (200, 60)])
def test_another_size_is_cut_or_filled(size: tuple[int, int]) -> None:
    screen = kept.Kept(["x" * 100] * 30, 100, 30, 0.0)
    drawn = kept.drawing(screen, *size, 5.0, ascii_only=False)
    assert drawn is not None
    assert len(drawn[1]) == size[1] and max(map(len, drawn[1])) <= size[0]


def test_where_nothing_of_use_would_be_left_nothing_is_shown() -> None:
    screen = kept.Kept(["é" * 80] * 24, 80, 24, 0.0)
    assert kept.drawing(screen, 39, 24, 0.0, ascii_only=False) is None
    assert kept.drawing(screen, 80, 9, 0.0, ascii_only=False) is None
    assert kept.drawing(screen, 80, 24, 0.0, ascii_only=True) is None


def test_the_folder_stays_small(place: kept.Place) -> None:
    file = keep(place)
    for number in range(40):
        stale = file.with_name(f"{number:016x}")
        stale.write_bytes(b"")
        os.utime(stale, (number, number))
    kept.tidy(place)
    assert file.exists() and len(list(file.parent.iterdir())) == 24


def test_of_a_long_list_the_beginning_is_shown() -> None:
    screen = kept.Kept([f"row {n:3} " + "x" * 100 for n in range(40)], 120, 40, 0.0)
    drawn = kept.drawing(screen, 120, 40, 5.0, ascii_only=False)
    assert drawn is not None
    data, rows = drawn
    assert len(data) < 1200
    shown = [row for row in rows if row.startswith("row")]
    assert 5 <= len(shown) < 9
    assert rows[:2] == shown[:2] or rows[1:3] == shown[1:3]
    assert not any(rows[20:-1])
    assert rows[-1].startswith(" kept screen")


@given(st.lists(st.text(alphabet="x .é", max_size=60), min_size=10, max_size=10))
def test_blanks_are_stepped_over_and_nothing_else(rows: list[str]) -> None:
    screen = ScreenModel(60, 12)
    drawn = kept.drawing(kept.Kept([*rows, "end", ""], 60, 12, 0.0), 60, 12, 5.0, ascii_only=False)
    assert drawn is not None
    screen.feed(drawn[0].encode())
    assert screen.text().split("\n")[1:11] == [row.rstrip() for row in (*rows, "end")][1:11]
