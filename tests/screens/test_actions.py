"""The registry: every key unique where it works, every action carried out by somebody, everything documented."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from screens import actions
from screens.bridge import Bridge
from screens.foot import Foot
from screens.performs import Performs
from screens.room import MODES
from screens.runbook_follow import Following
from screens.runbook_picker import PickerView
from screens.widgets.pages import Pages
from screens.widgets.table import Table

KEYS_PAGE = Path(__file__).parents[2] / "docs" / "keys.md"


def _owners() -> dict[str, type[Performs]]:
    owners: dict[str, type[Performs]] = {
        actions.EVERYWHERE: Bridge,
        "prompt": Foot,
        "list": Table,
        "pages": Pages,
    }
    for mode in MODES:
        if not any(actions.of(mode.id)):
            continue  # a room that has no keys of its own
        module, _, name = mode.room.partition(":")
        owners[mode.id] = getattr(import_module(module), name)
    owners["picker"], owners["run"] = PickerView, Following
    return owners


def test_ids_are_unique() -> None:
    assert len(actions.BY_ID) == len(actions.ACTIONS)


@pytest.mark.parametrize("where", actions.CONTEXTS)
def test_a_key_means_one_thing_where_it_works(where: str) -> None:
    seen: dict[str, str] = {}
    for action in actions.reach(where):
        for key in action.keys:
            assert key not in seen, f"{key} is {seen[key]} and {action.id} in {where}"
            seen[key] = action.id


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: action.id)
def test_every_action_says_what_it_does_and_somebody_does_it(action: actions.Action) -> None:
    assert action.where in actions.CONTEXTS
    assert action.words and action.about.endswith(".")
    assert len(action.words) <= 24
    owner = _owners()[action.where]
    assert callable(getattr(owner, f"do_{action.name}", None)), f"{owner.__name__} has no do_{action.name}"


def test_nothing_is_done_that_no_key_asks_for() -> None:
    for where, owner in _owners().items():
        known = {f"do_{action.name}" for action in actions.of(where)}
        methods = {name for name in vars(owner) if name.startswith("do_")}
        assert methods <= known, f"{owner.__name__}: {methods - known} stands in no registry"


def test_the_keys_of_the_design() -> None:
    keys = {key: action.id for action in actions.of(actions.EVERYWHERE) for key in action.keys}
    assert [keys[digit] for digit in "12345"] == [f"app.mode_{mode.id}" for mode in MODES]
    for key, name in {
        "n": "note",
        "colon": "palette",
        "slash": "filter",
        "question_mark": "help",
        "escape": "back",
        "D": "declare",
        "p": "problems",
        "q": "quit",
        "ctrl+l": "repaint",
        "ctrl+z": "suspend",
        "ctrl+c": "clear",
    }.items():
        assert keys[key] == f"app.{name}"


def test_the_keys_page_is_up_to_date() -> None:
    assert KEYS_PAGE.read_text(encoding="utf-8") == actions.keys_page(), "run: python -m screens.actions > docs/keys.md"


def test_reasons_why_not() -> None:
    off = actions.needs("alert", writes=True)
    assert off(actions.Situation(target="alert")) == ""
    assert off(actions.Situation(target="check")) == "select an alert first"
    assert off(actions.Situation(target="alert", read_only=True)) == "this console is read-only"
    assert "D declares one" in actions.needs(incident=True)(actions.Situation())
