"""The five seed files, read as a careful person would: by line and kind, and each command against its source line.

Their text stays where it is; ``sketch`` says how to read the expectations.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from console.runbook.coverage import uncovered
from console.runbook.library import read_runbook_file
from console.runbook.model import Document, Runbook, document_from_json
from tests.console.runbook.sketch import sketch

# seed → heading line of each runbook → (number of symptoms, parameters of its commands, phases)
EXPECTED: dict[str, dict[int, tuple[int, list[str], list[str]]]] = {
    "000": {
        5: (3, [], ["12 act: 13 check $13~ | 14 run $14 | 15 check | 16 doo", "18 rollback: 19 do | 20 do"]),
        24: (3, [], ["31 act: 32 check x32 | 33 check | 34 do | 35 wait"]),
        41: (3, [], ["48 act: 49 check x49 | 50 check | 51 do | 52 doo"]),
        58: (3, [], ["65 act: 66 wait 300s | 67 do? | 68 check $68 | 69 runo $69"]),
        75: (3, [], ["82 act: 83 check x83 | 84 do | 85 do | 86 do x86"]),
        125: (0, [], ["125 steps: 126-130 run $128 $129 | 131-133 run $132 | 134-136 run $135"]),
        138: (0, [], ["138 act: 139-142 run $141 | 143-144 note | 145-147 run $146"]),
    },
    "001": {
        84: (1, [], ["88 act: 89 do | 90 do | 91 do | 92 do | 93 do | 94 do", "96 act: 97-99 run $98"]),
        101: (1, ["bot-id"], ["105 act: 106-108 run $107"]),
        110: (0, [], ["110 verify: 112-115 check $114 | 116-118 check $117 | 119-121 check $120 | 122-124 check $123"]),
        146: (
            0,
            [],
            ["146 checklist: " + " | ".join(f"{n} check[]{'o' if n == 153 else ''}" for n in range(148, 156))],
        ),
    },
    "002": {
        12: (0, [], ["12 act: 13-16 run $15 | 17-20 run $19 | 21-24 run $23 | 25-28 do x26 x27 x28"]),
        30: (0, ["YYYY-MM-DD"], ["30 diagnose: 31-34 check $33 | 35-36 check x36 | 37-38 check x38"]),
        42: (1, [], ["44 act: 45 check | 46 do | 47 do?"]),
        49: (1, [], ["51 act: 52 check | 53 do | 54 do"]),
        56: (1, [], ["58 act: 59 check | 60 check | 61 do"]),
        63: (1, [], ["65 act: 66 check | 67 check | 68 do"]),
        70: (0, [], ["70 checklist: 71 checko | 72 check | 73 run $73 | 74 check | 75-80 check"]),
    },
    "003": {
        5: (
            1,
            ["service"],
            ["9 steps: 9-12 check $11 | 13-15 check $14 | 16-18 run $17 | 19-22 check= $20 | 23-26 run? $24 $25"],
        ),
        30: (
            1,
            ["INFLUXDB_TOKEN"],
            ["34 steps: 34-38 check $36 $37 | 39-41 check $40 | 42-49 run $43-48! | 50-52 run $51! | 53-55 check $54"],
        ),
        59: (
            1,
            ["INFLUXDB_TOKEN"],
            ["63 steps: 63-66 check $65 | 67-75 check $68 | 76-78 run $77 | 79-83 check $80-82"],
        ),
        87: (
            1,
            [],
            ["91 steps: 91-94 check $93 | 95-98 check $96 $97 | 99-101 run? $100 | 102-104 run? $103 | 105-113 do"],
        ),
        117: (
            1,
            ["DOMAIN"],
            [
                "121 steps: 121-124 check $123 | 125-127 run $126 | 128-131 run $129 $130 | 132-134 run $133 | 135-138 check= $136"
            ],
        ),
        142: (
            0,
            ["INFLUXDB_TOKEN"],
            [
                "144 steps: 146-173 run $147-172!",
                "175 act: 177-192 run $178-191",
                "194 steps: 196-199 run $198 | 200-202 run $201",
            ],
        ),
        206: (
            0,
            [],
            [
                "206 steps: 208-211 run $210 | 212-214 run $213 | 215-217 run $216 | 218-221 check $219 | 222-224 run $223!"
            ],
        ),
        228: (0, [], ["228 steps: 230-234 do | 235-239 run $236-238 | 240-242 do | 243-244 do"]),
    },
    "004": {
        21: (
            3,
            [],
            [
                "28 act: 29-32 check $31 | 33-35 check $34 | 36-40 check $37 $38 $39~ | 41-45 run $42 $43 $44 | "
                "46-50 check $47 $48 $49",
                "52 steps: 53-57 check $55 $56 | 58-64 check $59-63 | 65-67 runo $66",
            ],
        ),
        69: (3, [], ["76 act: 77-80 run $79 | 81-83 check $82 | 84-86 run $85 | 87-89 run $88"]),
        91: (3, [], ["98 act: 99-102 run $101!w | 103-105 run $104 | 106-109 run $107 $108 | 110-112 run $111"]),
        118: (
            3,
            [],
            [
                "125 diagnose: 126-129 check $128 | 130-132 check $131 | 133-135 check $134 | 136-138 check $137",
                "140 act: 141-146 run? $143 $145 | 147-149 run? $148 | 150-153 run? $151 $152",
            ],
        ),
        155: (
            3,
            [],
            [
                "162 diagnose: 163-166 check $165 | 167-169 check $168 | 170-172 check $171",
                "174 act: 175-178 run $177 | 179-181 run $180 | 182-184 run $183 | 185-187 run $186",
            ],
        ),
        189: (3, [], ["196 act: 197-200 check $199 | 201-203 run $202 | 204-206 run $205 | 207-209 run $208"]),
        215: (
            3,
            [],
            [
                "222 diagnose: 223-226 run $225 | 227-229 run $228 | 230-232 run $231",
                "234 act: 235-238 run $237 | 239-241 run $240 | 242-244 run $243 | 245-247 run $246",
            ],
        ),
        253: (0, [], ["253 steps: 254-281 run $255-280"]),
        283: (0, [], ["283 diagnose: 284-314 run $285-313"]),
        320: (
            0,
            [],
            [
                "320 checklist: 322-323 check[] | 324 check[] | 325 check[] | 327-328 check[] | 329 check[] | 330 check[] | "
                "332-333 check[] | 334 check[] | 335 check[] | 337-338 check[] | 339 check[] | 340 check[] | 341 check[]"
            ],
        ),
        343: (0, [], ["343 verify: 345-371 check $346-370"]),
    },
}

# seed → info of the whole file: line, kind
INFO: dict[str, set[tuple[int, str]]] = {
    "000": {(94, "text"), (101, "text"), (116, "text"), (149, "contacts"), (158, "text"), (167, "escalation")},
    "001": {
        (1, "text"),
        (9, "links"),
        (17, "links"),
        (25, "links"),
        (32, "template"),
        (128, "escalation"),
        (134, "escalation"),
        (139, "escalation"),
    },
    "002": {(3, "text"), (7, "text")},
    "003": {(1, "text"), (248, "contacts")},
    "004": {(5, "escalation"), (11, "escalation"), (377, "template"), (393, "template"), (408, "text")},
}


def seed(shared: Path, name: str) -> tuple[Document, list[str]]:
    (path,) = (shared / "seeds").glob(f"{name}_*.md")
    return read_runbook_file(path), path.read_text().splitlines()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_incident_is_a_runbook_with_its_commands_in_its_steps(shared: Path, name: str) -> None:
    document, _ = seed(shared, name)
    found = {
        one.line: (len(one.symptoms), [param.name for param in one.params if param.scope == "command"], sketch(one))
        for one in document.runbooks
    }
    assert found == EXPECTED[name]
    assert document.problems == ()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_commands_are_the_source_lines_themselves(shared: Path, name: str) -> None:
    document, lines = seed(shared, name)
    for runbook in document.runbooks:
        for step in runbook.steps():
            for command in step.commands:
                source = "\n".join(lines[command.line - 1 : command.end_line])
                assert command.text in source or command.text == source
                assert step.line <= command.line <= command.end_line <= step.end_line


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_no_line_is_lost(shared: Path, name: str) -> None:
    document, lines = seed(shared, name)
    assert uncovered(document.runbooks, lines) == []
    assert document_from_json(document.to_json()) == document


@pytest.mark.parametrize("name", sorted(INFO))
def test_what_is_to_be_read_is_info_and_shared_by_every_runbook_of_the_file(shared: Path, name: str) -> None:
    document, _ = seed(shared, name)
    for runbook in document.runbooks:
        assert {(one.line, one.kind) for one in runbook.info if one.shared and one.kind != "heading"} == INFO[name]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_ids_are_unique_and_titles_are_the_headings(shared: Path, name: str) -> None:
    document, lines = seed(shared, name)
    ids = [runbook.id for runbook in document.runbooks]
    assert len(set(ids)) == len(ids)
    for runbook in document.runbooks:
        assert lines[runbook.line - 1].endswith(runbook.title)
        step_ids = [step.id for step in runbook.steps()]
        assert len(set(step_ids)) == len(step_ids)


def at(document: Document, line: int) -> Runbook:
    return next(runbook for runbook in document.runbooks if runbook.line == line)


def test_details_of_the_first(shared: Path) -> None:
    document, _ = seed(shared, "000")
    stale = at(document, 5)
    assert stale.id == "backend-stale-error"
    assert stale.section == "Incidents Système"
    assert [step.title for step in stale.phases[0].steps][:2] == ["Vérifier logs API", "Redémarrer services"]
    assert {command.lang for step in at(document, 75).steps() for command in step.commands} == {"api"}
    for line in (24, 41, 58, 75):
        assert len([one for one in at(document, line).info if not one.shared and one.kind == "text"]) == 1


def test_details_of_the_second(shared: Path) -> None:
    document, _ = seed(shared, "001")
    assert [step.title for step in at(document, 84).phases[1].steps] == ["Kill Switch Global"]
    pause = at(document, 101)
    assert pause.param("bot-id") is not None
    assert all(step.checkbox and not step.checked for step in at(document, 146).steps())


def test_details_of_the_fourth(shared: Path) -> None:
    document, _ = seed(shared, "003")
    assert [runbook.param("INFLUXDB_TOKEN") is not None for runbook in document.runbooks] == [
        False,
        True,
        True,
        False,
        False,
        True,
        False,
        False,
    ]
    token = at(document, 30).param("INFLUXDB_TOKEN")
    assert token is not None
    assert token.secret
    assert [phase.title for phase in at(document, 142).phases] == [
        "Backup manuel",
        "Restauration",
        "Cron de backup automatique",
    ]
    assert next(at(document, 228).steps()).body.count("\n") == 1


def test_details_of_the_fifth(shared: Path) -> None:
    document, _ = seed(shared, "004")
    down = at(document, 21)
    assert [phase.title for phase in down.phases] == ["Immediate Actions", "If restart fails"]
    templates = [one for one in down.info if one.kind == "template"]
    assert templates[0].params[0] == "TIMESTAMP"
    assert [len(one.params) for one in templates] == [6, 6]
    timestamp = down.param("TIMESTAMP")
    assert timestamp is not None
    assert (timestamp.scope, timestamp.source, timestamp.line) == ("text", "[TIMESTAMP]", 382)
    assert [command.title for command in list(at(document, 118).steps())[4].commands] == ["", "or"]
    parents = [step.parent for step in at(document, 320).steps()]
    assert [parents.count(name) for name in dict.fromkeys(parents)] == [3, 3, 3, 4]
