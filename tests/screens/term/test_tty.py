"""Reading a terminal: never for ever, whoever else takes what was there."""

from __future__ import annotations

import os
import pty
import select
import threading
from typing import Any

import pytest

from screens.term.tty import listen, open_tty


def test_what_is_typed_comes_and_its_end_is_awaited_by_nobody() -> None:
    master, slave = pty.openpty()
    tty = open_tty(slave, os.O_RDONLY)
    over, came, found = threading.Event(), threading.Event(), bytearray()

    def took(data: bytes) -> None:
        found.extend(data)
        if found.endswith(b"\n"):
            came.set()

    thread = threading.Thread(target=listen, args=(tty, over, took), daemon=True)
    thread.start()
    os.write(master, b"abc\n")
    assert came.wait(20) and found == b"abc\n"
    os.close(master)  # hung up: it goes on looking, and does not end by itself
    over.set()
    thread.join(20)
    assert not thread.is_alive()
    os.close(tty)
    os.close(slave)


def test_what_was_there_and_was_taken_by_somebody_else_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the process is stopped between the look and the read."""

    class Poll:
        def register(self, *_: Any) -> None:
            pass

        def poll(self, _: float) -> list[tuple[int, int]]:
            looked.set()
            return [(tty, select.POLLIN)]

    master, slave = pty.openpty()
    tty, over, looked = open_tty(slave, os.O_RDONLY), threading.Event(), threading.Event()
    monkeypatch.setattr("screens.term.tty.select.poll", Poll)
    thread = threading.Thread(target=listen, args=(tty, over, lambda data: None), daemon=True)
    thread.start()
    assert looked.wait(20)
    over.set()
    thread.join(20)
    assert not thread.is_alive()
    for fd in (tty, master, slave):
        os.close(fd)
