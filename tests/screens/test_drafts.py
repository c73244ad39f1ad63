"""Drafts are kept off the UI thread: the newest text wins, the last one is on disk, a broken file is one line."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from screens.drafts import DraftKeeper


def keeper(path: Path, told: list[str]) -> tuple[DraftKeeper, Mapping[str, str]]:
    loaded: dict[str, str] = {}
    ready = threading.Event()

    def deliver(call: Any, *args: Any) -> None:
        call(*args)
        ready.set()

    found = DraftKeeper(deliver, loaded.update)
    found.start(path, told.append)
    assert ready.wait(20)
    return found, loaded


def test_the_last_text_is_on_disk(tmp_path: Path) -> None:
    first, loaded = keeper(tmp_path / "drafts.db", [])
    assert loaded == {}
    for number in range(500):
        first.put("scribe", f"text {number}")
    first.put("gone", "x")
    first.put("gone", "")
    first.close(20)
    second, loaded = keeper(tmp_path / "drafts.db", [])
    assert loaded == {"scribe": "text 499"}
    assert second.get("scribe") == "text 499" and second.keys("scr") == ["scribe"]
    second.close(20)


def test_what_is_typed_before_the_file_is_open_wins(tmp_path: Path) -> None:
    first, _ = keeper(tmp_path / "drafts.db", [])
    first.put("scribe", "old")
    first.close(20)
    second = DraftKeeper(lambda call, *args: call(*args), lambda kept: None)
    second.put("scribe", "new")
    second.start(tmp_path / "drafts.db", lambda line: None)
    assert second.flush(20)
    second.close(20)
    third, loaded = keeper(tmp_path / "drafts.db", [])
    assert loaded == {"scribe": "new"}
    third.close(20)


def test_a_file_that_is_not_ours_is_one_line_and_typing_goes_on(tmp_path: Path) -> None:
    (tmp_path / "drafts.db").write_bytes(b"not a database at all" * 50)
    told: list[str] = []
    found, _ = keeper(tmp_path / "drafts.db", told)
    found.put("scribe", "x")
    assert found.flush(20)
    assert len(told) == 1 and "drafts can't be kept" in told[0] and "\n" not in told[0]
    assert found.get("scribe") == "x"
    found.close(20)
