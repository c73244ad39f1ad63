"""The export: what stands in it, that it is the same every time, that text from people stays text."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from mdit_py_plugins.front_matter import front_matter_plugin

from console.incident import actions
from console.journal.events import AlertRaised, CheckChanged, New
from console.report import html, postmortem
from console.report.postmortem import TemplateProblem, as_json, markdown
from console.report.profile import Profile
from console.report.record import gather
from tests.console.report.making import START, opened, told


def export(database: Path, stream: str, profile: Profile = "internal", template: str = "") -> str:
    with opened(database) as (journal, _):
        return "".join(markdown(journal, gather(journal, stream), profile=profile, template=template, version="1"))


@pytest.fixture
def text(database: Path) -> str:
    return export(database, told(database))


def test_same_journal_same_bytes_and_no_event(database: Path) -> None:
    stream = told(database)
    first = export(database, stream)
    with opened(database, actor="somebody else", at=START + timedelta(days=900)) as (journal, _):
        count = journal.head(stream)
        again = "".join(markdown(journal, gather(journal, stream), version="1"))
        assert journal.head(stream) == count
    assert first == again


def test_front_matter_is_yaml_with_every_milestone(text: str) -> None:
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["id"] == "INC-1"
    assert front["impact_start"] == "2024-03-10T23:42:00Z"
    assert front["acknowledged"] is None
    assert front["impact_open"] is False
    assert re.fullmatch("[0-9a-f]{64}", front["chain_head"])
    assert front["events"] > 20


def test_timeline_lines(text: str) -> None:
    assert "### 2024-03-10 (UTC)\n\n- 23:42 T+00:00 [impact] Impact starts — @ann (recorded 23:50, 8m later)" in text
    assert "### 2024-03-11 (UTC)" in text
    assert re.search(r"^- 23:5\d T\+00:1\d ★ \[decision\] Fail over to the west — @ann$", text, re.MULTILINE)
    assert re.search(r"\[finding\] the database is slow — @ann \[edited ×1\]$", text, re.MULTILINE)
    assert "databse" not in text
    assert (
        "- ~23:49 T+00:07 [milestone] West serves — @ann (approximate) (recorded 2024-03-11 00:37, 48m later) "
        "(stamps mitigated)" in text
    )
    assert "~~never happened~~ — @ann (undone by @ann: wrong incident)" in text
    assert re.search(r"\[redacted by @ann, a secret, 2024-03-11 00:38\]", text.replace("\\", ""))
    assert "hunter2" not in text


def test_metrics_with_endpoints(text: str) -> None:
    assert "| time to detect (impact_start → detected) | 2m | 2024-03-10 23:42 UTC | 2024-03-10 23:44 UTC |" in text
    assert "| not recorded (needs: acknowledged) | 2024-03-10 23:44 UTC | not recorded |" in text
    assert "\\~7m" in text
    assert "T+0 is impact_start." in text


def test_prompts_are_never_dropped_and_seeded(text: str) -> None:
    assert text.count("_To be written_: ") >= 7
    assert "## Where we were lucky" in text
    response = text.split("## Response")[1].split("\n## ", maxsplit=1)[0]
    assert "Fail over to the west" in response
    factors = text.split("## Trigger and contributing factors")[1].split("\n## ", maxsplit=1)[0]
    assert "the database is slow" in factors
    assert "never happened" not in factors


def test_evidence_says_all_of_it(text: str) -> None:
    part = text.split("## Evidence")[1].split("\n## ", maxsplit=1)[0]
    for fact in (
        "db-7, bob, `/srv`",
        "| Exit code | 3 |",
        "ab" * 32,
        "line 19",
        "600 of 900 bytes were kept",
        "Step: Look",
    ):
        assert fact in part
    assert "line 20" not in part
    assert "the first 20 lines" in part
    assert "`````text" in part  # longer than the run of four in the output
    assert "systemctl status api (recorded, NOT run)" in part


def test_tasks_questions_comms_and_footer(text: str) -> None:
    assert "| check the replica | @bob | ⚠ no due date | open |" in text
    assert "who changed it" in text.split("## Open questions")[1].split("\n## ", maxsplit=1)[0]
    assert "status page says degraded" in text.split("## Communication")[1].split("\n## ", maxsplit=1)[0]
    footer = text.rsplit("\n---\n", 1)[1]
    assert re.search(r"\d+ events, 1 edits, 1 redactions", footer)
    assert "tamper-evident, not tamper-proof" in footer
    assert "vigie verify INC-1 --against" in footer


def test_hostile_text_stays_text(text: str) -> None:
    assert "\x1b" not in text
    assert "\u202e" not in text
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).use(front_matter_plugin)
    page = reader.render(text)
    assert "<script" not in page
    assert "<a " not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [a](javascript:x) `tick` | pipe *b* " in page
    assert "<h1>It held" not in page


def test_external_names_roles_and_counts_what_it_leaves_out(database: Path) -> None:
    text = export(database, told(database), "external")
    for name in ("ann", "bob", "db-7", "systemctl", "only for us", "cat /var/log"):
        assert not re.search(rf"\b{name}\b", text), name
    assert "— @ic" in text
    assert "1 private notes, 3 lines with commands, evidence or attachments" in text


def test_the_watch_stands_in_the_timeline_with_a_lead_up(database: Path) -> None:
    with opened(database, at=START - timedelta(minutes=20)) as (journal, _):
        seen = [
            ("checkout", -22),  # 14 minutes before impact
            ("checkout", -24),  # too early
            ("billing", -10),  # another service
            ("checkout", 1),
        ]
        journal.append_watch(
            [
                New(
                    body=CheckChanged(
                        service=service, check="http", kind="http", old="OK", new="DOWN", detail=f"at {minutes}"
                    ),
                    occurred_at=START + timedelta(minutes=minutes),
                )
                for service, minutes in seen
            ]
            + [
                New(
                    body=AlertRaised(fingerprint="f", name="Slow", starts_at=START, labels={"service": "checkout"}),
                    occurred_at=START,
                )
            ]
        )
    text = export(database, told(database))
    lines = [line for line in text.split("## Appendix")[1].splitlines() if "[watch]" in line]
    assert lines == [
        "- 23:28 T−00:14 [watch] [check] checkout/http OK → DOWN: at -22",
        "- 23:50 T+00:08 [watch] [alert] Slow (service=checkout)",
        "- 23:51 T+00:09 [watch] [check] checkout/http OK → DOWN: at 1",
    ]


def test_a_template_of_your_own(database: Path, tmp_path: Path) -> None:
    stream = told(database)
    own = tmp_path / "own.md.j2"
    own.write_text(
        "{{ title }} {{ '*x*' }}\n{% for line in timeline() %}{{ line | entry }}\n{% endfor %}{{ summary | block }}\n"
    )
    text = export(database, stream, template=str(own))
    assert text.startswith("Checkout fails \\*x\\*\n- 23:42 ")
    assert text.endswith("We failed over.\n\n\\# It held.\n")


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("fine\n{% if %}", 2),
        ("fine\n{{ nothing_of_the_kind }}", 2),
        ("{{ ''.__class__.__mro__ }}", 1),
        ("\n\n{{ title.format_map.__globals__ }}", 3),
        ("{{ 1 / 0 }}", 1),
        ("{{ prompts.append(1) }}", 1),
        ("{% include 'x' %}", 1),
    ],
)
def test_a_bad_template_is_one_line_with_its_place(database: Path, tmp_path: Path, source: str, line: int) -> None:
    stream = told(database)
    own = tmp_path / "own.md.j2"
    own.write_text(source)
    with pytest.raises(TemplateProblem) as caught:
        export(database, stream, template=str(own))
    assert str(caught.value).startswith(f"{own}:{line}: ")
    assert "\n" not in str(caught.value)


def test_an_unknown_template_names_those_there_are() -> None:
    with pytest.raises(TemplateProblem, match="postmortem"):
        postmortem.load_template("nosuch")


def test_json(database: Path) -> None:
    stream = told(database)
    with opened(database) as (journal, _):
        inside = json.loads("".join(as_json(journal, gather(journal, stream))))
        outside = json.loads("".join(as_json(journal, gather(journal, stream), profile="external")))
    assert inside["metrics"]["intervals"]["ttd"]["seconds"] == 120
    assert [line["text"] for line in inside["timeline"]].count("the database is slow") == 1
    assert inside["evidence"][0]["exit_code"] == "3"
    assert outside["left_out"] == {"private": 1, "internal": 3}
    assert "bob" not in json.dumps(outside)


def test_html_is_one_page_and_the_parts_change_nothing(database: Path) -> None:
    text = export(database, told(database))
    page = "".join(html.page([text], "t <x>"))
    assert "<title>t &lt;x&gt;</title>" in page
    assert "<script" not in page
    pieces = [text[start : start + 37] for start in range(0, len(text), 37)]
    assert "".join(html.parts(pieces)) == text
    assert "".join(html.page(pieces, "t <x>")) == page


def test_html_parts_never_cut_a_fence() -> None:
    inside = "- item\n\n  `````text\n" + "## not a heading\n- not an item\n```\n" * 600 + "  `````\n## heading\n"
    assert list(html.parts([inside]))[-1] == "## heading\n"
    assert len(list(html.parts([inside]))) == 2


def test_nothing_but_a_declaration_exports(database: Path) -> None:
    with opened(database) as (journal, _):
        stream, _, _ = journal.declare(actions.declare("x"))
        text = "".join(markdown(journal, gather(journal, stream)))
    assert "T+0 is declared" in text
    assert "| impact (union of windows) | not recorded (needs: impact_start, impact_end) | | |" in text
