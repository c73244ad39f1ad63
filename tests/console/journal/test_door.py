"""Databases that can't be used, each with its own line; and nothing is ever overwritten."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from console.journal import connection, place
from console.journal.errors import Corrupt, JournalError, Locked, Missing, NetworkFileSystem, Newer, NotOurs, WalRefused
from console.journal.events import Declared, New, Origin
from console.journal.store import Journal

Open = Callable[..., Journal]


def refusal(path: Path, kind: type[JournalError], **how: object) -> str:
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(kind) as caught:
        Journal.open(path, actor="a", origin=Origin(program="cli"), busy_s=0.1, **how)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    if before is not None:
        assert path.read_bytes() == before
    return str(caught.value)


def test_text_is_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("groceries\n" * 200)
    assert "not a Vigie database" in refusal(path, NotOurs)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (x)")
    other.close()
    assert "not Vigie's" in refusal(path, NotOurs)


def test_an_empty_file_is_not_filled(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    assert "empty" in refusal(path, NotOurs)


def test_a_newer_schema_is_refused(opened: Open, db: Path) -> None:
    opened().close()
    other = sqlite3.connect(db)
    other.execute("PRAGMA user_version = 999")
    other.close()
    assert "newer Vigie" in refusal(db, Newer)


def test_a_folder_a_missing_file_and_a_hard_link(opened: Open, db: Path, tmp_path: Path) -> None:
    assert "not a file" in refusal(tmp_path, NotOurs)
    assert "no database there" in refusal(tmp_path / "none.db", Missing, create=False)
    assert not (tmp_path / "none.db").exists()
    opened().close()
    os.link(db, tmp_path / "second.db")
    assert "hard links" in refusal(db, JournalError)


def test_a_damaged_file_is_named_damaged(opened: Open, db: Path) -> None:
    journal = opened()
    journal.append(journal.declare([New(body=Declared(title="x" * 9000))])[0], [])
    journal.close()
    data = bytearray(db.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    db.write_bytes(data)
    with (
        pytest.raises(Corrupt, match="move it aside"),
        Journal.open(db, actor="a", origin=Origin(program="cli")) as bad,
    ):
        bad.check_integrity()
        bad.incidents()


@pytest.mark.skipif(connection.wal_is_safe(), reason="this SQLite is free of the WAL-reset bug")
def test_a_wal_file_is_refused_by_a_library_with_the_bug(opened: Open, db: Path) -> None:
    opened().close()
    other = sqlite3.connect(db)
    other.execute("PRAGMA journal_mode = WAL")
    other.close()
    assert "WAL" in refusal(db, WalRefused)


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 0), True),
    ],
)
def test_wal_only_where_the_bug_is_fixed(version: tuple[int, ...], safe: bool) -> None:
    assert connection.wal_is_safe(version) is safe


def test_the_journal_mode_is_the_safe_one_on_every_connection(opened: Open) -> None:
    expected = "wal" if connection.wal_is_safe() else "truncate"
    assert opened().mode == expected
    second = opened()
    assert second.mode == expected
    assert second.rows("PRAGMA synchronous")[0][0] == 2  # FULL


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /home rw,relatime - nfs4 server:/home rw
31 30 254:1 / /home/local\\040disk rw - xfs /dev/vdb rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/var/lib/v.db", "ext4"), ("/home/ann/v.db", "nfs4"), ("/home/local disk/v.db", "xfs"), ("/homes/v.db", "ext4")],
)
def test_the_file_system_is_the_longest_mount(path: str, kind: str) -> None:
    assert place.file_system(Path(path), MOUNTS) == kind


def test_a_network_file_system_is_refused() -> None:
    with pytest.raises(NetworkFileSystem, match="nfs4"):
        place.check(Path("/home/ann/v.db"), mounts=MOUNTS)


def test_a_locked_database_says_so_and_opens_all_the_same(opened: Open, db: Path) -> None:
    opened()
    holder = sqlite3.connect(db, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    waiting = opened()
    with pytest.raises(Locked, match="another process"):
        waiting.declare([New(body=Declared(title="x"))])
    holder.execute("ROLLBACK")
    holder.close()
    assert waiting.declare([New(body=Declared(title="x"))])[1] == "INC-1"


def test_two_processes_make_one_database(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from console.journal.store import Journal; from console.journal.events import *\n"
        "with Journal.open(Path(sys.argv[1]), actor='a', origin=Origin(program='cli')) as j:\n"
        "    j.declare([New(body=Declared(title='x'))])\n"
    )
    path = tmp_path / "d" / "v.db"
    racers = [subprocess.Popen([sys.executable, "-c", script, str(path)]) for _ in range(6)]
    assert [racer.wait(60) for racer in racers] == [0] * 6
    with Journal.open(path, actor="a", origin=Origin(program="cli")) as journal:
        assert len(journal.incidents()) == 6
    assert {entry.name for entry in path.parent.iterdir()} - {"v.db-journal", "v.db-wal", "v.db-shm"} == {"v.db"}


def test_a_migration_runs_while_an_older_process_is_open(
    opened: Open, stream: str, monkeypatch: pytest.MonkeyPatch, db: Path
) -> None:
    older, known = opened(), connection.known_version()
    more = [
        *connection.migrations(),
        (known + 1, "CREATE TABLE later (x INTEGER) STRICT;\nCREATE INDEX later_x ON later (x);"),
    ]
    monkeypatch.setattr(connection, "migrations", lambda: more)
    monkeypatch.setattr(connection, "known_version", lambda: known + 1)
    newer = opened()
    assert newer.rows("SELECT count(*) FROM later") == [(0,)]
    older.append(stream, [New(body=Declared(title="still here"))])
    assert newer.head(stream)[0] == 2
    backup = db.with_name(f"vigie.db.schema-{known}.backup")
    assert backup.stat().st_mode & 0o777 == 0o600


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _ in connection.migrations()] == list(range(1, connection.known_version() + 1))


def test_a_read_only_journal_reads_and_does_not_write(opened: Open, stream: str) -> None:
    reader = opened(read_only=True)
    assert reader.head(stream)[0] == 1
    with pytest.raises(JournalError, match="read-only"):
        reader.append(stream, [New(body=Declared(title="x"))])
