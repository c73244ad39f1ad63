"""Copying a command in a console inside a real tmux: by its own clipboard, and past it to the terminal outside."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site, eventually, site
from tests.e2e.terminal import Terminal
from tests.e2e.test_runs_of_two import Two
from tests.tools.servers import MISSING

TEXT = "echo begun; while [ ! -e go ]; do sleep 0.05; done; echo ended"


class Nested:
    """A console in a tmux server of its own, on a test's terminal."""

    def __init__(self, here: Site, options: str) -> None:
        self.here = here
        self.socket = here.folder / "tmux.sock"
        config = here.folder / "tmux.conf"
        config.write_text(options)
        argv = [str(part) for part in here.argv(actor="ann")]
        self.terminal = Terminal(
            ["tmux", "-S", str(self.socket), "-f", str(config), "new-session", "--", *argv],
            env=here.env,
            cwd=here.folder,
        )

    def buffer(self) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self.socket), "show-buffer"], capture_output=True, text=True, check=False
        )
        return done.stdout

    def close(self) -> None:
        subprocess.run(["tmux", "-S", str(self.socket), "kill-server"], capture_output=True, check=False)
        self.terminal.close()


@pytest.fixture
def nested(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Nested]:
    if shutil.which("tmux") is None:
        pytest.skip(f"{MISSING}tmux (Debian package tmux)")
    with site(tmp_path / "site") as here:
        two = Two(here)
        from console.runbook import actions

        with here.journal(read_only=False) as journal:
            actions.append(journal, two.stream, actions.jump(two.view(), "slow"))
        made = Nested(here, request.param)
        try:
            yield made
        finally:
            made.close()


def copied(nested: Nested) -> None:
    nested.terminal.wait_for("INC-1")
    nested.terminal.press("3")
    nested.terminal.wait_for("x runs it")
    nested.terminal.press("c")
    nested.terminal.wait_for("copied, if this terminal lets us")


@pytest.mark.parametrize("nested", ["set -g set-clipboard on\n"], indirect=True, ids=["set-clipboard"])
def test_tmux_takes_it(nested: Nested) -> None:
    copied(nested)
    assert eventually(nested.buffer, "tmux's buffer") == TEXT


@pytest.mark.parametrize(
    "nested", ["set -g set-clipboard off\nset -g allow-passthrough on\n"], indirect=True, ids=["allow-passthrough"]
)
def test_it_goes_through_to_the_terminal_outside(nested: Nested) -> None:
    copied(nested)
    wanted = b"\x1b]52;c;" + base64.b64encode(TEXT.encode())
    eventually(lambda: wanted in bytes(nested.terminal.raw), "OSC 52 at the outer terminal")
    assert nested.buffer() == ""
