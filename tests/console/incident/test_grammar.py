"""The scribe grammar: what each token means, where it counts, and that no word is ever lost."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.incident.entry import Entry, parse, preview, to_events
from console.journal.events import MILESTONES, NOTE_KINDS, Declared, Noted, TaskOpened
from console.sanitize import visible

NOW = datetime(2024, 3, 10, 13, 32, 9, 500, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")  # forward on 2024-03-10 at 02:00, back on 2023-11-05 at 02:00


def note(text: str, now: datetime = NOW, zone: ZoneInfo = UTC_ZONE) -> Entry:
    return parse(text, now, zone)


def declare(text: str) -> Entry:
    return parse(text, NOW, UTC_ZONE, "declare")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("typed", "when", "precision"),
    [
        ("-5m x", "2024-03-10T13:27:09Z", "minute"),
        ("-5min x", "2024-03-10T13:27:09Z", "minute"),
        ("-1h20m x", "2024-03-10T12:12:09Z", "minute"),
        ("-90s x", "2024-03-10T13:30:39Z", "second"),
        ("-1d2h x", "2024-03-09T11:32:09Z", "minute"),
        ("-2d x", "2024-03-08T00:00:00Z", "day"),
        ("-20m~ x", "2024-03-10T13:12:09Z", "approx"),
        ("@13:30 x", "2024-03-10T13:30:00Z", "minute"),
        ("@13:32:09 x", "2024-03-10T13:32:09Z", "second"),
        ("@13:33 x", "2024-03-09T13:33:00Z", "minute"),  # not yet today: the most recent past one
        ("@9:05Z x", "2024-03-10T09:05:00Z", "minute"),
        ("@15:00+02:00 x", "2024-03-10T13:00:00Z", "minute"),
        ("@13:00~ x", "2024-03-10T13:00:00Z", "approx"),
        ("@yday 23:50 x", "2024-03-09T23:50:00Z", "minute"),
        ("@yesterday 23:50 x", "2024-03-09T23:50:00Z", "minute"),
        ("@today 00:10 x", "2024-03-10T00:10:00Z", "minute"),
        ("@2024-02-29 23:59 x", "2024-02-29T23:59:00Z", "minute"),
        ("@2024-02-29T23:59Z x", "2024-02-29T23:59:00Z", "minute"),
        ("@2024-02-29 x", "2024-02-29T00:00:00Z", "day"),
        ("@1710077220 x", "2024-03-10T13:27:00Z", "second"),
        ("@1710077220250 x", "2024-03-10T13:27:00.250Z", "second"),
    ],
)
def test_times(typed: str, when: str, precision: str) -> None:
    entry = note(typed)
    assert entry.problems == ()
    assert (entry.at, entry.precision, entry.text) == (at(when), precision, "x")


def test_bare_times_are_in_the_incidents_zone() -> None:
    assert note("@09:00 x", zone=NEW_YORK).at == at("2024-03-10T13:00:00Z")  # EDT since 07:00Z today
    assert note("@23:50 x", zone=NEW_YORK).at == at("2024-03-10T04:50:00Z")  # yesterday, still EST
    assert note("@yday 23:50 x", zone=NEW_YORK).at == at("2024-03-10T04:50:00Z")


def test_a_day_is_stored_as_it_was_written() -> None:
    assert note("@2024-03-09 x", zone=ZoneInfo("Asia/Tokyo")).at == at("2024-03-09T00:00:00Z")


def test_a_nonexistent_time_is_refused_with_the_reason() -> None:
    for typed in ("@02:30 x", "@2024-03-10 02:30 x"):
        (problem,) = note(typed, zone=NEW_YORK).problems
        assert problem.code == "nonexistent"
        assert not problem.confirmable
        assert "clocks went forward by 1h" in problem.text
    # Before the gap has come, the most recent 02:30 is yesterday's.
    early = note("@02:30 x", now=at("2024-03-10T06:00:00Z"), zone=NEW_YORK)
    assert early.at == at("2024-03-09T07:30:00Z")


def test_an_ambiguous_time_asks_which() -> None:
    entry = note("! @2023-11-05 01:30 x", zone=NEW_YORK)
    (problem,) = entry.problems
    assert problem.code == "ambiguous"
    assert not problem.confirmable
    answers = [note(line, zone=NEW_YORK) for _, line in problem.options]
    assert [answer.at for answer in answers] == [at("2023-11-05T05:30:00Z"), at("2023-11-05T06:30:00Z")]
    assert all(answer.starred and answer.text == "x" and not answer.problems for answer in answers)
    with pytest.raises(ValueError, match="happened twice"):
        to_events(entry, confirmed=True)
    # Between the two, only the first has happened: no question.
    assert note("@01:30 x", now=at("2023-11-05T06:00:00Z"), zone=NEW_YORK).at == at("2023-11-05T05:30:00Z")
    assert note("@01:30 x", now=at("2023-11-05T12:00:00Z"), zone=NEW_YORK).problems[0].code == "ambiguous"


def test_a_future_time_asks_first() -> None:
    entry = note("@2024-03-10 15:00 x")
    (problem,) = entry.questions
    assert problem.code == "future"
    assert preview(entry).startswith("? ")
    with pytest.raises(ValueError, match="ahead"):
        to_events(entry)
    (new,) = to_events(entry, confirmed=True)
    assert new.occurred_at == at("2024-03-10T15:00:00Z")
    assert note("@2024-03-11 x").questions
    assert not note("@2024-03-10 13:33 x").problems  # within the minute by which watches differ


@pytest.mark.parametrize("typed", ["@25:00 x", "@14:61 x", "@2024-13-01 x", "@2023-02-29 12:00 x", "-99999d x"])
def test_a_time_that_cannot_be_is_refused(typed: str) -> None:
    assert [problem.code for problem in note(typed).refusals] == ["not-a-time"]


@pytest.mark.parametrize(
    "typed",
    [
        "-5 x",
        "-5x y",
        "-m x",
        "@ann please look",
        "@ 14:32 x",
        "@14:3 x",
        "#123 is broken",
        "# heading",
        "+1 from me",
        "+foo bar",
        "$HOME is gone",
        "$",
        "!= 5",
        "!! x",
        "... x",
        "todo",
        "todos are late",
        "restarted @14:32",
        "waited -5m",
        "saw #decision in the log",
        "cost $ 5",
        "closes #42",
        "is it? yes!",
        "\\\\server\\share is gone",
        "C:\\temp",
        "sev2 in the mail",
    ],
)
def test_everything_else_is_text(typed: str) -> None:
    entry = note(typed)
    assert (entry.text, entry.tokens, entry.at, entry.note) == (typed, (), None, "note")
    assert not entry.problems
    assert not (entry.tags or entry.marks or entry.starred or entry.question or entry.task or entry.evidence)


@pytest.mark.parametrize(
    "typed", ["@14:32 x", "-5m x", "! x", "?x", "#action x", "+mitigated", "$ rm -rf /", "todo x", "+mitgated x"]
)
def test_a_backslash_makes_a_token_text(typed: str) -> None:
    entry = note("\\" + typed)
    assert (entry.text, entry.tokens, entry.problems) == (typed, (), ())
    assert note("\\\\" + typed).text == "\\" + typed


def test_signs_tags_and_kinds() -> None:
    entry = note("-5m ! #decision #db #Payments fail over to the west")
    assert (entry.starred, entry.note, entry.tags) == (True, "decision", ("db", "Payments"))
    assert entry.text == "fail over to the west"
    assert note("?why now").question
    assert note("! ? x").question
    assert note("#decision: go").note == "decision"
    for kind in NOTE_KINDS:
        assert note(f"#{kind} x").note == kind


def test_the_last_word_may_name_the_kind_and_stays() -> None:
    entry = note("-5m restarted the feeder #action")
    assert (entry.note, entry.text) == ("action", "restarted the feeder #action")
    assert note("#finding it was us #action").note == "finding"


def test_tasks() -> None:
    entry = note("todo @ann 10m check db")
    assert (entry.task, entry.owner, entry.check_back_ms, entry.text) == (True, "ann", 600_000, "check db")
    assert note("todo 1h30m @ann x").check_back_ms == 5_400_000
    assert note("todo check @ann 10m").text == "check @ann 10m"
    (new,) = to_events(entry, task="t1")
    assert new.body == TaskOpened(task="t1", text="check db", owner="ann", check_back_ms=600_000)
    opened, line = to_events(note("! #db todo x"))
    assert isinstance(opened.body, TaskOpened)
    assert isinstance(line.body, Noted)
    assert (line.body.starred, line.body.tags) == (True, ("db",))
    assert [problem.code for problem in note("todo @ann").problems] == ["empty"]


def test_milestones_take_a_time_at_either_end() -> None:
    for typed in ("+mitigated -3m", "-3m +mitigated", "+mitigated failed over -3m", "+mitigated -3m failed over"):
        entry = note(typed)
        assert (entry.marks, entry.at) == (("mitigated",), at("2024-03-10T13:29:09Z"))
        assert entry.text in ("", "failed over")
    assert note("+impact-end @13:00").marks == ("impact_end",)
    assert note("+mitigated \\-3m").text == "-3m"
    assert note("+mitigated still \\-3m").text == "still -3m"
    for name in MILESTONES:
        assert note(f"+{name}").marks == (name,)


def test_a_misspelt_milestone_is_offered() -> None:
    (problem,) = note("+mitgated all good").problems
    assert problem.options == (("+mitigated", "+mitigated all good"),)


def test_evidence_is_recorded_not_run() -> None:
    entry = note("-5m $ systemctl status api | head -5m")
    assert (entry.evidence, entry.text) == ("systemctl status api | head -5m", "")
    assert "recorded, NOT run" in preview(entry)


def test_declare() -> None:
    entry = declare("sev2 checkout 5xx -8m #payments")
    assert (entry.severity, entry.text, entry.services) == ("SEV2", "checkout 5xx", ("payments",))
    assert entry.at == at("2024-03-10T13:24:09Z")
    first, start = to_events(entry)
    assert first.body == Declared(title="checkout 5xx", severity="SEV2", services=("payments",))
    assert isinstance(start.body, Noted)
    assert (start.body.marks, start.occurred_at) == (("impact_start",), entry.at)


def test_declare_in_other_orders() -> None:
    assert declare("SEV1: all down").severity == "SEV1"
    assert declare("#api -8m sev3 slow").services == ("api",)
    assert declare("slow #a @13:00 #b").services == ("a", "b")
    assert declare("! #a todo").text == "! #a todo"
    assert declare("slow \\#a").text == "slow #a"
    assert declare("\\-8m").text == "-8m"
    assert declare("\\sev2 is not ours").text == "sev2 is not ours"
    assert declare("no severity is fine").problems == ()
    assert declare("title\nfirst\nsecond").summary == "first\nsecond"
    assert declare("sev9 x").problems[0].code == "severity"
    assert declare("sev2 -8m #api").problems[0].code == "no-title"
    assert parse("Major x", NOW, UTC_ZONE, "declare", severities=("MAJOR",)).severity == "MAJOR"


@pytest.mark.parametrize("typed", ["", "   ", "-5m", "!", "#db", "! ? -5m"])
def test_nothing_to_record(typed: str) -> None:
    entry = note(typed)
    assert [problem.code for problem in entry.problems] == ["empty"]
    with pytest.raises(ValueError, match="nothing"):
        to_events(entry)


def test_preview() -> None:
    zero = at("2024-03-10T13:15:09Z")
    assert preview(note("-5m #decision go"), zero) == "→ 2024-03-10 13:27 UTC · T+00:12 · decision"
    assert preview(note("-20m~ ! x"), zero) == "→ ~2024-03-10 13:12 UTC · T−00:03 · note · ★ key event · approximate"
    assert preview(note("@2024-03-09 x"), zero) == "→ 2024-03-09 · note"
    assert preview(note("@14h30 x")).endswith("@14h30 is not read as a time")
    assert "\x1b" not in preview(note("! \x1b]0;x\x07 \u202e"))


def test_hostile_text_is_made_visible() -> None:
    assert note("a\x1b[2Jb\u202e").text == "a<ESC>[2Jb<U+202E>"


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────────

PIECES = st.sampled_from(
    "-5m|-5m~|@13:00|@yday 23:50|@2024-03-01|!|?|#action|#x|+mitigated|+mitgated|$ ls|todo|@ann|10m|sev2|\\|\\-5m|x|"
    "the db|\n|  |é|!x|@25:61".split("|")
)
LINES = st.lists(PIECES, max_size=8).map(" ".join) | st.text(max_size=60)


@given(LINES, st.sampled_from(["note", "declare"]), st.sampled_from([UTC_ZONE, NEW_YORK]))
def test_no_word_is_lost(typed: str, context: str, zone: ZoneInfo) -> None:
    entry = parse(typed, NOW, zone, "declare" if context == "declare" else "note")
    kept = " ".join([*entry.tokens, entry.text, entry.evidence, entry.summary])

    def letters(text: str) -> Counter[str]:
        return Counter("".join(text.replace("\\", "").split()))

    assert letters(kept) == letters(visible(typed))


@given(LINES)
def test_the_text_ends_the_line_as_it_was_typed(typed: str) -> None:
    """Apart from tokens at the start (and times at the end of a milestone line), a note's text is a suffix of the line."""
    entry = note(typed)
    line = visible(typed).strip()
    if not entry.marks:
        assert line.endswith(entry.text)
        assert line.endswith(entry.evidence)


@given(st.text(max_size=40), st.sampled_from(["-5m", "@13:00", "#x", "!", "+mitigated", "$ ls"]))
def test_tokens_inside_the_text_are_text(words: str, token: str) -> None:
    entry = note(f"plain {words} {token} end")
    assert entry.tokens == ()
    assert entry.text == visible(f"plain {words} {token} end").strip()


@given(LINES, st.sampled_from(["note", "declare"]))
def test_an_entry_without_problems_always_becomes_events(typed: str, context: str) -> None:
    entry = parse(typed, NOW, NEW_YORK, "declare" if context == "declare" else "note")
    shown = preview(entry, NOW)
    assert "\n" not in shown
    assert "\x1b" not in shown
    if not entry.problems:
        assert to_events(entry)
        if entry.at is not None:
            assert entry.at.utcoffset() is not None


@given(LINES)
def test_an_escaped_line_is_its_own_text(typed: str) -> None:
    line = visible(typed).strip()
    entry = note("\\" + line)
    if entry.tokens == () and entry.text != "\\" + line and "\\" not in line:
        assert entry.text == line


@pytest.mark.parametrize(
    ("typed", "title", "severity", "services", "minutes", "summary"),
    [
        (" disk #2 full -4m", "disk #2 full", "", (), 4, ""),
        ("sev2 disk #2 full -4m", "disk #2 full", "SEV2", (), 4, ""),
        ("-8m #db disk #2 full -4m", "disk #2 full", "", ("db",), 8, ""),
        ("sev2 writes fail -8m #db disk #2 full -4m", "writes fail disk #2 full", "SEV2", ("db",), 8, ""),
        ("-8m disk #2 full, and db #x", "disk #2 full, and db", "", ("x",), 8, ""),
        ("disk #2 full -4m #x", "disk #2 full", "", ("x",), 4, ""),
        ("-8m disk #2 full -5m", "disk #2 full -5m", "", (), 8, ""),  # another second time is somebody's text
        ("sev2 disk #2 full -4m\nmore\nof it", "disk #2 full", "SEV2", (), 4, "more\nof it"),
        ("sev2 -8m disk #1 full -4m", "disk #1 full -4m", "SEV2", (), 8, ""),  # changed: a line as any other
        ("subdisk #2 full -4m", "subdisk #2 full", "", (), 4, ""),
    ],
)
def test_the_words_of_a_problem_are_text_and_what_is_around_them_a_line(
    typed: str, title: str, severity: str, services: tuple[str, ...], minutes: int, summary: str
) -> None:
    entry = parse(typed, NOW, UTC_ZONE, "declare", given="disk #2 full", since="-4m")
    assert (entry.text, entry.severity, entry.services, entry.summary) == (title, severity, services, summary)
    assert entry.at is not None and round((NOW - entry.at).total_seconds() / 60) == minutes
    assert not entry.problems


@pytest.mark.parametrize("words", ["sev1", "sev1 #db -5m", "@25:00 x", "\\#db", "#db", "x #db", "x -5m", "sev9: x"])
def test_what_a_problem_says_is_never_a_token(words: str) -> None:
    for typed, severity in ((f" {words} -4m", ""), (f"sev2 {words} -4m", "SEV2"), (f"{words} -4m", "")):
        entry = parse(typed, NOW, UTC_ZONE, "declare", given=words, since="-4m")
        assert (entry.text, entry.severity, entry.services, entry.problems) == (words, severity, (), ())
        assert entry.at == at("2024-03-10T13:28:09Z")
