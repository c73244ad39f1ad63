"""The spool keeps head and tail within its cap, and a reader beside it sees every byte that is there."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.runbook import spool, status
from console.runbook.handle import CommandHandle
from console.runbook.tail import CATCH_UP, OutputReader, OutputWindow

CAP = 1024


def handle_for(folder: Path, cap: int = CAP) -> CommandHandle:
    return CommandHandle(
        command="C",
        folder=folder,
        stream="S",
        text="x",
        actor="ana",
        run="",
        step="",
        title="",
        started_us=0,
        cap_bytes=cap,
    )


def announced(folder: Path, **more: object) -> None:
    status.write(str(folder), {"command": "C", "state": status.RUNNING, **more})


def opened(folder: Path, cap: int = CAP) -> spool.Spool:
    return spool.Spool(str(folder), "C", spool.create(str(folder), "C"), cap=cap)


def pattern(size: int) -> bytes:
    return b"".join(b"%07d\n" % number for number in range(size // 8 + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 575, 1023, 1024, 1025, 1088, 2000, 5000, 100_000])
@pytest.mark.parametrize("chunk", [1, 7, 64, 700, 1 << 20])
def test_head_and_tail(tmp_path: Path, size: int, chunk: int) -> None:
    if size // chunk > 5000:
        pytest.skip("slow, and the same as with larger pieces")
    raw = pattern(size)
    out = opened(tmp_path)
    for start in range(0, size, chunk):
        out.write(raw[start : start + chunk])
        assert sum(path.stat().st_size for path in tmp_path.glob("C.out*")) <= CAP + CAP // 8
    kept = out.finish()
    out.close()
    path = tmp_path / "C.out"
    data = path.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["C.out"]
    assert kept["size"] == size
    assert kept["kept"] == min(size, CAP)
    assert kept["sha256"] == hashlib.sha256(data).hexdigest()
    if size <= CAP:
        assert data == raw
    else:
        assert data == raw[:512] + spool.cut_line(size - CAP) + raw[-512:]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 900), max_size=30), st.data())
def test_a_reader_sees_every_byte_in_order_or_is_told(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    raw = pattern(sum(sizes))
    announced(folder)
    out, reader = opened(folder), OutputReader(handle_for(folder))
    seen = bytearray()

    def look() -> None:
        reader.refresh()
        limit = data.draw(st.integers(1, 600))
        piece = b"x"
        while piece:
            skipped, piece = reader.read(limit)
            seen.extend(b"?" * skipped + piece)

    start = 0
    for size in sizes:
        out.write(raw[start : start + size])
        start += size
        if data.draw(st.booleans()):
            look()
            assert reader.size == start
            assert reader.position == start
    kept = out.finish()
    look()
    announced(folder, layout={name: kept[name] for name in ("head", "cut", "tail", "tail_at", "size")})
    look()
    look()
    out.close()
    assert len(seen) == len(raw)
    assert all(mine in (theirs, ord("?")) for mine, theirs in zip(seen, raw, strict=True))
    assert seen[:512] == raw[:512]
    if raw:
        assert seen[-1] == raw[-1]


def test_a_full_disk_loses_output_but_not_the_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/full answers every write with ENOSPC."""
    import os

    full = os.open("/dev/full", os.O_RDWR)
    out = spool.Spool(str(tmp_path), "C", full, cap=CAP)
    out.write(b"lost")
    out.write(b"too")
    assert out.size == 7
    assert out.problem == "the disk is full: output after byte 0 was not kept"
    assert out.last == b"losttoo"
    out.close()


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    import os

    before = os.umask(0)
    try:
        out = opened(tmp_path)
        out.write(pattern(2000))
        announced(tmp_path)
        status.ask(str(tmp_path), "C", "cancel", "bob")
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    finally:
        os.umask(before)
        out.close()


def test_an_existing_file_or_link_is_never_written_to(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "C.out").symlink_to(victim)
    with pytest.raises(OSError, match="exists"):
        spool.create(str(tmp_path), "C")
    assert victim.read_text() == "mine"


def test_the_lock_tells_whether_somebody_looks_after_it(tmp_path: Path) -> None:
    path = str(tmp_path / "C.out")
    assert not status.is_looked_after(path)
    out = opened(tmp_path)
    assert status.is_looked_after(path)
    out.close()
    assert not status.is_looked_after(path)


def test_a_window_far_behind_skips_to_the_end_and_says_so(tmp_path: Path) -> None:
    cap = 8 * CATCH_UP
    announced(tmp_path)
    out, window = opened(tmp_path, cap), OutputWindow(handle_for(tmp_path, cap), limit=5)
    out.write(pattern(80))
    assert window.poll()
    assert window.lines() == [f"{number:07d}" for number in range(5, 10)]
    assert not window.poll()
    out.write(pattern(3 * CATCH_UP))
    assert window.poll()
    assert window.size == 3 * CATCH_UP + 80
    assert window.lines()[-1] == f"{3 * CATCH_UP // 8 - 1:07d}"
    everything = OutputWindow(handle_for(tmp_path, cap), limit=100_000)
    everything.poll()
    assert everything.lines()[0].startswith("… ")
    assert "bytes are left out here" in everything.lines()[0]
    out.close()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"command": "other", "state": "running"}', b"\xff"])
def test_a_status_file_that_can_not_be_read_is_no_status(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "C.status").write_bytes(content)
    assert status.read(str(tmp_path), "C") is None
    assert status.unrecorded(str(tmp_path)) == []


def test_requests_are_read_once_and_only_whole_lines(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert status.requests(folder, "C", 0) == ([], 0)
    status.ask(folder, "C", "interrupt", "ana")
    found, offset = status.requests(folder, "C", 0)
    assert found == [{"do": "interrupt", "by": "ana"}]
    with (tmp_path / "C.control").open("a") as file:
        file.write('nonsense\n{"do": "cancel"')
        file.flush()
        found, offset = status.requests(folder, "C", offset)
        assert found == []
        file.write(', "by": "bob"}\n')
    assert status.requests(folder, "C", offset)[0] == [{"do": "cancel", "by": "bob"}]


def test_a_status_that_did_not_fit_never_replaces_the_one_before(tmp_path: Path) -> None:
    """The file system takes a part of the write and reports no error, as on a disk that just filled up."""
    status.write(str(tmp_path), {"command": "C", "state": status.RUNNING})
    script = (
        "import resource, signal, sys\n"
        "from console.runbook import status\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n"
        "    status.write(sys.argv[1], {'command': 'C', 'state': 'finished', 'text': 'x' * 500})\n"
        "except OSError:\n"
        "    sys.exit(7)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == 7
    found = status.read(str(tmp_path), "C")
    assert found is not None
    assert found["state"] == status.RUNNING
    assert [path.name for path in tmp_path.iterdir()] == ["C.status"]
