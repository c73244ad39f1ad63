"""What is recorded of a command line holds no secret that names itself, and every other word as it was."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.runbook.hush import hushed

SECRET = "sw0rdfish.x"


@pytest.mark.parametrize(
    "line",
    [
        f"curl -u admin:{SECRET} http://127.0.0.1/",
        f"curl --user admin:{SECRET} http://127.0.0.1/",
        f"curl http://admin:{SECRET}@127.0.0.1/x",
        f"psql postgresql://app:{SECRET}@db/prod",
        f"curl -H 'Authorization: Bearer {SECRET}' http://127.0.0.1/",
        f"curl -H 'authorization: {SECRET}' http://127.0.0.1/",
        f"curl -H 'X-Api-Key: {SECRET}' http://127.0.0.1/",
        f"curl -H 'Cookie: session={SECRET}' http://127.0.0.1/",
        f"tool --password={SECRET} go",
        f"tool --password {SECRET} go",
        f"tool --api-key {SECRET} go",
        f"tool -password {SECRET} go",
        f"env PGPASSWORD={SECRET} psql",
        f"env API_TOKEN='{SECRET} two' tool",
        f"sh -c 'PGPASSWORD={SECRET} psql; true'",
        f"sh -c 'tool --token {SECRET} | cat'",
        f"sh -c 'TOKEN=\"{SECRET}\" tool'",
        f"sh -c 'curl http://u:{SECRET}@h/ && curl -H \"Authorization: Basic {SECRET}\" h'",
    ],
)
def test_a_secret_that_names_itself_is_hidden(line: str) -> None:
    shown = shlex.join(hushed(shlex.split(line)))
    assert SECRET not in shown
    assert "[secret]" in shown
    assert shlex.split(line)[0] in shown


@pytest.mark.parametrize(
    "line",
    [
        "systemctl restart token-service",
        "kubectl get secret db -o name",
        "curl -u admin http://127.0.0.1:80/",
        "tail -n 20 /var/log/passwd.log",
        "sh -c 'echo $TOKEN; tool --password \"$PW\"'",
        "tool --password-file /etc/pw --verbose",
        "git push https://github.com/a/b.git user@host:/path",
        "ssh admin@host uptime",
        "cmd --no-token --pass",
    ],
)
def test_what_is_none_stays_as_it_was(line: str) -> None:
    assert hushed(shlex.split(line)) == shlex.split(line)


@given(st.lists(st.text(max_size=40), max_size=6))
def test_words_keep_their_number_and_hiding_twice_is_hiding_once(words: list[str]) -> None:
    once = hushed(words)
    assert len(once) == len(words)
    assert hushed(once) == once


def test_nothing_of_it_reaches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from console.cli import main

    database = tmp_path / "d" / "vigie.db"
    monkeypatch.setattr("sys.orig_argv", ["vigie"])
    assert main(["--db", str(database), "declare", "x"]) == 0
    assert main(["--db", str(database), "exec", "--", "true", f"--password={SECRET}"]) == 0
    kept = [path for path in (tmp_path / "d").rglob("*") if path.is_file()]
    assert len(kept) > 2
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]
