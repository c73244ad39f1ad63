"""A link with 300 ms of delay is said and things step down; a terminal that answers nothing is told nothing."""

from __future__ import annotations

import re
import subprocess

from tests.e2e.site import Site, eventually


def test_a_slow_link_is_said_and_clocks_show_minutes(here: Site) -> None:
    with here.console(rtt=0.3) as terminal:
        terminal.wait_for(r"link 3\d\d ms")
        terminal.wait_for(r"\d\d:\d\dZ(?!\d)")
        assert not re.search(r"\d\d:\d\d:\d\dZ", terminal.line(0))

        def told() -> bool:
            call = here.argv("doctor", "--live")
            done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode == 0 and re.search(r"terminal +[\d,]+ B/s; frames: \d+ sent", done.stdout), done
            return bool(re.search(r"link +3\d\d ms there and back.*taken as slow \(auto\)", done.stdout))

        eventually(told, "the console to have said so")
        terminal.press("?")
        terminal.press("end")
        terminal.wait_for(r"3\d\d ms there and back")
        terminal.press("q")
        terminal.wait_exit()


def test_without_delay_nothing_is_said(here: Site) -> None:
    with here.console("--link", "fast") as terminal:
        terminal.wait_for(r"\d\d:\d\d:\d\dZ")
        seconds = terminal.line(0)[-10:]
        terminal.wait_until(lambda _: terminal.line(0)[-10:] != seconds, what="the clock to go on")
        assert "link" not in terminal.line(2)
        terminal.press("q")
        terminal.wait_exit()


def test_a_terminal_that_answers_nothing_counts_as_fast(here: Site) -> None:
    with here.console(mute=True) as terminal:
        terminal.wait_for(r"\d\d:\d\d:\d\dZ")
        times: set[str] = set()

        def goes_on(_: str) -> bool:
            times.add(terminal.line(0)[-10:])
            return len(times) > 4

        terminal.wait_until(goes_on, what="the clock to go on")
        assert "link" not in terminal.line(2)
        terminal.press("q")
        terminal.wait_exit()


def test_asked_for_by_a_variable_and_refused_in_a_line(here: Site) -> None:
    with here.console(env={"VIGIE_LINK": "slow"}) as terminal:
        terminal.wait_for("link slow")
        terminal.press("q")
        terminal.wait_exit()
    with here.console(env={"VIGIE_LINK": "quick"}) as terminal:
        assert terminal.wait_exit() == 2
        assert "VIGIE_LINK: expected auto, slow, fast, got 'quick'" in bytes(terminal.raw).decode()
