"""The 21 rules for plain Markdown, one file of our own words each; what stands here was read off the file by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.runbook.coverage import uncovered
from console.runbook.library import read_runbook_file
from console.runbook.model import Document, Runbook, Step, document_from_json, from_json
from tests.console.runbook.sketch import sketch

DATA = Path(__file__).parents[2] / "data" / "runbooks"


def read(rule: str) -> Document:
    (path,) = DATA.glob(f"{rule}*.md")
    return read_runbook_file(path)


def one(rule: str) -> Runbook:
    (runbook,) = read(rule).runbooks
    return runbook


def steps(rule: str) -> list[Step]:
    return list(one(rule).steps())


@pytest.mark.parametrize(
    ("rule", "phases"),
    [
        ("rule-01", ["7 act: 9-17 do | 19-26 do | 28-30 do"]),
        ("rule-03", ["13 diagnose: 15 do", "17 act: 19 do", "28 steps: 30-32 run $31"]),
        (
            "rule-04",
            [
                "3 act: 5-9 do | 10-14 run $13 | 16-20 run $19",
                "22 act: 24 do | 25 do",
                "27 act: 29 do?",
                "31 verify: 33 check[] | 34 check[]",
            ],
        ),
        ("rule-05", ["3 act: 5-8 run $7 | 9-14 run $11 | 16 do", "18 act: 20-23 run $22 | 24-27 run $26 | 28 do"]),
        ("rule-06", ["3 act: 5-9 run $8 | 11-14 run $13", "16 steps: 18-20 run $19"]),
        (
            "rule-07",
            [
                "3 act: 5-9 check $7 $8 | 10-12 run $11 | 13-16 check= $14",
                "18 act: 20-29 run $22-25 $28",
                "31 act: 33-42 run $35-38 $41",
            ],
        ),
        ("rule-08", ["3 act: 5-11 run $6 | 13-15 run x14 | 17-19 do x18 | 21-23 do x22 | 25-32 do x31"]),
        ("rule-09", ["3 act: 5-12 run $6 $9-10 | 14-17 run $15 $16 | 19-21 run x20 | 23-26 run $24"]),
        ("rule-10", ["3 act: 5-15 run= $8 | 17-19 run= $17", "21 verify: 23-31 check= $24"]),
        ("rule-11", ["3 act: 5 run $5 | 6 run $6 | 7-11 run $9-10"]),
        ("rule-12", ["3 act: 5 do? | 6 do? | 7 check | 8 doo"]),
        ("rule-13", ["3 act: 5 wait 300s | 6 wait 30s | 7 wait 600s | 8 do 7200s | 9 wait"]),
        (
            "rule-14",
            [
                "3 act: 5 run $5t | 6 run x6 | 7-11 check x9 x10 | 12 do",
                "14 act: 16-19 run $17t x18 | 21-23 run x22t | 25-30 run x26 x27 x28t x29",
            ],
        ),
        ("rule-15", ["3 act: 5 call | 6 do | 7 call"]),
        ("rule-17", ["3 act: 5 check x5 | 6 do x6 | 7 check x7 x7 | 8 check $8 | 9 do | 10 run x10"]),
        ("rule-18", ["3 checklist: 5-6 check[] | 7 check[] | 8 check[] | 9 check[]"]),
        ("rule-19", ["3 act: 5-14 run $6-13", "16 act: 18-25 run $19-24", "27 act: 29-35 run $30-34"]),
        ("rule-20", ["3 act: 5 run $5 | 6 check $6 | 7 run $7 | 8 check $8 | 9 run $9 | 10 run x10"]),
        (
            "rule-21",
            [
                "3 act: 5 run $5~ | 6 run $6~ | 7 run $7~ | 8 run $8~ | 9 run $9 | 10 run $10!w | 11 run $11w | 12 run $12"
            ],
        ),
    ],
)
def test_steps_and_commands(rule: str, phases: list[str]) -> None:
    assert sketch(one(rule)) == phases


@pytest.mark.parametrize("path", sorted(DATA.glob("*.md")), ids=lambda path: path.stem)
def test_no_line_is_lost_and_json_goes_round(path: Path) -> None:
    document = read_runbook_file(path)
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    assert uncovered(document.runbooks, lines) == []
    assert document_from_json(document.to_json()) == document
    for runbook in document.runbooks:
        assert from_json(runbook.to_json()) == runbook


@pytest.mark.parametrize("path", sorted(DATA.glob("rule-*.md")), ids=lambda path: path.stem)
def test_no_word_is_lost(path: Path) -> None:
    document = read_runbook_file(path)
    kept = document.to_json().decode().replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
    for word in path.read_text(encoding="utf-8-sig").replace("|", " ").split():
        bare = word.removesuffix(":~$").strip("#*`:.,;[](){}!<>-+'\"_?$~：。")
        if len(bare) > 2 and not bare.isdigit() and bare not in ("NOTE", "tip") and not word.startswith("```"):
            assert bare in kept or bare.upper() in kept, word


def test_rule_01_notes_and_dialects() -> None:
    found = steps("rule-01")
    assert one("rule-01").title == "Ferry gate"
    assert found[0].notes == ("{% if harbour %}",)
    assert found[0].body.startswith("WARNING: Wind\nNot above force 7.")
    assert not found[0].commands  # what is indented under a note is no code
    assert found[1].body == "TIP: Use channel 12.\n\nNOTE: The bell is loud."


def test_rule_02_sibling_incidents_are_runbooks_of_their_own() -> None:
    lamp, horn = read("rule-02").runbooks
    assert (lamp.id, lamp.title, lamp.symptoms) == ("lamp-is-down", "Lamp is down", ("It is dark",))
    assert (horn.id, horn.title, horn.symptoms) == ("fog-horn-is-stuck", "Fog horn is stuck", ("It never stops",))
    for runbook in (lamp, horn):
        shared = {info.title: info.kind for info in runbook.info if info.shared}
        assert shared == {"Lighthouse handbook": "text", "Contacts": "contacts"}
    assert "keeper" in next(info.body for info in horn.info if info.kind == "contacts")


def test_rule_03_info_is_never_a_step() -> None:
    runbook = one("rule-03")
    assert {info.title for info in runbook.info} == {"Pump", "Meaning", "Auswirkungen", "Wartungsplan", "References"}
    assert "pump --explain" in next(info.body for info in runbook.info if info.title == "Meaning")


def test_rule_04_what_stands_before_a_step_is_shown_with_it() -> None:
    found = steps("rule-04")
    assert found[0].notes == ("Before anything else, look outside.",)
    assert found[0].body == "- a little\n- then wider"
    assert found[2].title == "Then loosen the brake"
    assert [step.checked for step in found[-2:]] == [False, True]


def test_rule_05_a_broken_list_is_one_list() -> None:
    assert [step.title for step in steps("rule-05")] == [
        "Cut the thread",
        "Wind it on",
        "Start again",
        "One",
        "Two",
        "Three",
    ]
    assert steps("rule-05")[1].body == "A word in between."


def test_rule_06_titles() -> None:
    assert [step.title for step in steps("rule-06")] == [
        "Open the damper a hand's breadth",
        "Let it cool",
        "Firing by night",
    ]


def test_rule_07_groups_and_the_whole_block() -> None:
    found = steps("rule-07")
    assert [step.title for step in found[:3]] == ["Look at the vat", "Drain it", "Look again"]
    assert found[2].expect == 'Should show "empty"'
    assert found[0].whole is not None
    assert found[0].whole.text.startswith("# 1. Look")
    assert [command.title for command in found[3].commands] == ["Write the recipe", "Brew it"]
    assert [command.title for command in found[4].commands] == ["Every barrel", "Close the door"]
    assert found[4].commands[0].text.splitlines()[1] == "  # turn it"


def test_rule_08_what_is_not_shell_can_only_be_copied() -> None:
    found = steps("rule-08")
    assert found[0].output == "Not a command, only words in a box."
    assert [(c.lang, c.runnable) for step in found for c in step.commands] == [
        ("sh", True),
        ("sh", False),
        ("sql", False),
        ("promql", False),
        ("sql", False),
    ]
    assert found[1].commands[0].why_not == "does not parse as shell"
    assert "replicas: 3" in found[4].notes[0]


def test_rule_09_prompts() -> None:
    found = steps("rule-09")
    assert [c.text for c in found[0].commands] == ["oven status", "oven set \\\n    --heat 180"]
    assert found[0].output == "temperature 220\ndoor closed\ndone"
    assert [c.text for c in found[1].commands] == ["$HOME/bin/knead --long", "$(which flour) --sift"]
    assert "root prompt" in (found[2].commands[0].why_not or "")
    last = found[3].commands[0]
    assert (last.title, last.text, found[3].output) == ("baker@oven1", "tail -n 3 /var/log/oven.log", "hot")


def test_rule_10_output_and_expectations() -> None:
    found = steps("rule-10")
    assert (found[0].output, found[0].expect) == ("412 kg", "Expected: above 400 kg")
    assert found[1].expect == "Doit afficher une seule ligne."
    assert (found[2].output, found[2].expect) == ("gouda", "预期：至少一行。")


def test_rule_11_parameters() -> None:
    runbook = one("rule-11")
    assert [(p.name, p.source, p.line) for p in runbook.params] == [
        ("letter-id", "<letter-id>", 5),
        ("town", "{town}", 5),
        ("value", "{{ value }}", 6),
        ("YOUR_STAMP", "YOUR_STAMP", 6),
        ("OFFICE", "[OFFICE]", 6),
        ("ZONE", "$ZONE", 10),
        ("MAIL_TOKEN", "$MAIL_TOKEN", 10),
    ]
    assert [p.name for p in runbook.params if p.secret] == ["MAIL_TOKEN"]
    assert list(runbook.steps())[2].commands[0].params == ("ZONE", "MAIL_TOKEN")


def test_rule_14_what_runs_inside_a_session_runs_nowhere_else() -> None:
    found = steps("rule-14")
    whys = [c.why_not for step in found for c in step.commands]
    assert whys[:4] == [None, *["runs inside the session above (ssh)"] * 2, "leaves the session above (ssh)"]
    block = found[4]
    assert block.commands[1].why_not == "runs inside the session above (ssh)"
    assert block.whole is not None
    assert not block.whole.runnable


def test_rule_15_links_to_siblings() -> None:
    assert [step.calls for step in steps("rule-15")] == [("points.md",), (), ("signals/red.md#stop",)]


def test_rule_16_labels_act_as_headings() -> None:
    curtain, lamp = read("rule-16").runbooks
    assert curtain.symptoms == ("il ne bouge plus",)
    assert sketch(curtain) == ["6 act: 7 do | 8 do"]
    assert sketch(lamp) == ["17 act: 19 do", "21 rollback: 22 do"]
    assert [(info.title, info.body) for info in lamp.info if info.title == "Cause"] == [("Cause", "an old fuse")]


def test_rule_17_code_spans() -> None:
    found = steps("rule-17")
    assert [(c.text, c.lang) for step in found for c in step.commands] == [
        ("GET /api/beds", "api"),
        ("POST /beds/3/free", "api"),
        ("/api/v1/water", "api"),
        ("/var/log/garden.log", "path"),
        ("find beds -name '*.txt'", "sh"),
        ("rm -rf /beds", "sh"),
    ]
    assert found[0].title == "Ask for the list"
    assert found[-1].commands[0].why_not == "the text says not to"


def test_rule_18_nested_tasks_stand_under_their_parents_name() -> None:
    assert [(step.title, step.parent, step.checked) for step in steps("rule-18")] == [
        ("Ropes in", "Deck", False),
        ("Flag up", "Deck", True),
        ("Engine is warm", "", False),
        ("Oil above the mark", "Engine is warm", False),
    ]


def test_rule_19_a_script_stays_one_script() -> None:
    found = steps("rule-19")
    assert [len(step.commands) for step in found] == [1, 1, 1]
    assert found[0].commands[0].text.startswith("#!/bin/bash")
    assert found[2].commands[0].text.endswith("./print.sh all")


def test_rule_20_no_parameters_where_there_are_none() -> None:
    runbook = one("rule-20")
    assert runbook.params == ()
    assert (
        list(runbook.steps())[-1].commands[0].why_not
        == "<name> stands in single quotes, so no value can be put in safely"
    )


def test_rule_21_warnings() -> None:
    found = steps("rule-21")
    assert [bool(step.commands[0].warnings) for step in found] == [False] * 5 + [True, True, False]
    assert found[5].commands[0].effect == "destructive"


def test_hidden_characters_are_shown_and_never_run() -> None:
    runbook = one("hazards-mixed")
    first = next(runbook.steps())
    assert "<U+200B>" in first.title
    assert first.commands[0].why_not == "holds invisible or control characters"
    assert "\u202e" not in runbook.to_json().decode()


def test_the_effect_is_never_read() -> None:
    for path in DATA.glob("*.md"):
        for runbook in read_runbook_file(path).runbooks:
            assert all(c.effect in ("change", "destructive") for step in runbook.steps() for c in step.commands)
