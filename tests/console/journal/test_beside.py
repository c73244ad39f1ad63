"""What lies beside the journal: drafts and evidence."""

import hashlib
import io
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.journal.drafts import Drafts
from console.journal.errors import JournalError
from console.journal.evidence import Evidence


def test_a_draft_survives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "v.d" / "drafts.db"
    with Drafts(path) as drafts:
        drafts.put("scribe", "-5m restarted the fee")
    with Drafts(path) as drafts:
        assert drafts.get("scribe") == "-5m restarted the fee"
        assert drafts.keys("scr") == ["scribe"]
        drafts.clear("scribe")
        assert drafts.get("scribe") == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_drafts_come_back_as_typed(tmp_path: Path, text: str) -> None:
    with Drafts(tmp_path / "drafts.db") as drafts:
        drafts.put("k", text)
        assert drafts.get("k") == text


def test_drafts_that_can_not_be_kept_are_an_error_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "drafts.db"
    path.write_text("not a database at all " * 100)
    with pytest.raises(JournalError) as caught:
        Drafts(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\x00\xff\x1b[2J" * 1000, b"x" * 3_000_000])
def test_evidence_is_kept_byte_for_byte_under_its_hash(tmp_path: Path, data: bytes) -> None:
    evidence = Evidence(tmp_path / "evidence")
    sha, size = evidence.keep(io.BytesIO(data))
    assert (sha, size) == (hashlib.sha256(data).hexdigest(), len(data))
    kept = evidence.path(sha)
    assert kept.read_bytes() == data
    assert stat.S_IMODE(kept.stat().st_mode) == 0o400
    assert evidence.matches(sha)
    assert evidence.keep(io.BytesIO(data)) == (sha, size)
    assert [entry.name for entry in (tmp_path / "evidence").iterdir()] == [sha[:2]]


def test_changed_evidence_does_not_match(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path)
    sha, _ = evidence.keep(io.BytesIO(b"true"))
    evidence.path(sha).chmod(0o600)
    evidence.path(sha).write_bytes(b"fake")
    assert not evidence.matches(sha)
    assert not evidence.matches("0" * 64)
