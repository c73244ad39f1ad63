"""Placeholders: which there are, and that a value never becomes shell text."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from console.runbook.markdown import read_markdown
from console.runbook.params import UnbindableError, bind, display, env_name, in_text, is_secret
from console.runbook.placeholders import find


def names(text: str) -> list[str]:
    return [one.name for one in find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("queue pause <queue-id> --why='x y'", ["queue-id"]),
        ("ship logs app-{service}", ["service"]),
        ("ship logs {{ service }} {{service}}", ["service", "service"]),
        ("ping [HOST] [POD NAME]", ["HOST", "POD NAME"]),
        ("login YOUR_TOKEN", ["YOUR_TOKEN"]),
        ("cp /etc/tls/$DOMAIN/key.pem .", ["DOMAIN"]),
        ("X=1; echo $X $Y ${Z:-3}", ["Y", "Z"]),
        ("for f in a b; do echo $f; done; read answer; echo $answer", []),
        ("echo $HOME $1 $? $(date +%s) <(ls) $((1+2))", []),
        ("awk '{print $2}' list | jq '.[] | {name}'", []),
        ("curl -w '%{http_code}' -w %{time_total} http://x", []),
        ("git show main@{upstream} ; ls {a,b} [A-Z]* file[0-9]", []),
        ('echo "[INFO] ready" # <nobody> $NOBODY', []),
        ("sort <in.txt >out.txt 2>&1 <<<word", []),
        ("cat <<EOF\n$NAME <x>\nEOF", ["NAME", "x"]),
        ("scp a <user>@<host>:/srv", ["user", "host"]),
    ],
)
def test_what_is_a_placeholder(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("queue pause <queue-id> -x", 'queue pause "${VIGIE_P_queue_id}" -x'),
        ('queue pause "<queue-id> now"', 'queue pause "${VIGIE_P_queue_id} now"'),
        ("queue pause $QUEUE/x", 'queue pause "${VIGIE_P_QUEUE}"/x'),
        ('queue pause "${QUEUE}s"', 'queue pause "${VIGIE_P_QUEUE}s"'),
        ("queue pause ${QUEUE:-main}", 'queue pause "${VIGIE_P_QUEUE:-main}"'),
        ("cat <<E\n<queue-id>\nE\n", "cat <<E\n${VIGIE_P_queue_id}\nE\n"),
        ('x "$(queue show <queue-id>)"', 'x "$(queue show "${VIGIE_P_queue_id}")"'),
        ("x > <queue-id>.log", 'x > "${VIGIE_P_queue_id}".log'),
        ("ssh -p 22 <queue-id> uptime", 'ssh -p 22 "${VIGIE_P_queue_id}" uptime'),
        ("export Q=<queue-id>", 'export Q="${VIGIE_P_queue_id}"'),
        ("écho é <queue-id> # <queue-id>", 'écho é "${VIGIE_P_queue_id}" # <queue-id>'),
    ],
)
def test_a_placeholder_becomes_a_quoted_reference(text: str, script: str) -> None:
    assert bind(text, {"queue-id", "QUEUE"}).script == script


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('send \'{"to": "<who>"}\'', "single quotes"),
        ("cat <<'E'\n<who>\nE\n", "quoted heredoc"),
        ("echo $((<who> + 1))", "stands"),
        ("[[ <who> -gt 3 ]]", "arithmetic"),
        ("ssh db1 systemctl restart <who>", "ssh"),
        ('ssh db1 "systemctl restart <who>"', "ssh"),
        ('bash -c "restart <who>"', "bash -c"),
        ('sudo sh -c "restart <who>"', "sh -c"),
        ("kubectl exec x -- sh -c restart\\ <who>", "sh -c"),
        ('eval "restart <who>"', "eval"),
        ('python3 -c "print(<who>)"', "python3 code"),
        ("su - app -c <who>", "su"),
        ("restart <who> <other>", "no value"),
    ],
)
def test_where_no_reference_can_stand_it_is_copy_only(text: str, why: str) -> None:
    with pytest.raises(UnbindableError, match=why):
        bind(text, {"who"})


PLACES = [
    "printf %s <v>",
    'printf %s "<v>"',
    "printf %s $v_",
    'x=<v>; printf %s "$x"',
    'printf %s "$(printf %s <v>)"',
    "printf %s pre{v}post | sed 's/^pre//; s/post$//'",
]


@settings(max_examples=40, deadline=None)
@given(
    st.text(st.characters(exclude_characters="\x00\n\r", exclude_categories=["Cs"]), min_size=1),
    st.sampled_from(PLACES),
)
def test_any_value_arrives_as_one_word(value: str, place: str) -> None:
    bound = bind(place, {"v", "v_"})
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"} | bound.environment({"v": value, "v_": value})
    done = subprocess.run(["bash", "--norc"], input=bound.script, env=env, capture_output=True, text=True, timeout=20)
    assert done.stdout.rstrip("\n") == value
    shown = display(place, {"v": value, "v_": value})
    done = subprocess.run(["bash", "--norc"], input=shown, env=env, capture_output=True, text=True, timeout=20)
    assert done.stdout.rstrip("\n") == value


def test_display_leaves_what_has_no_value() -> None:
    assert display("restart <svc> on $HOST_ID", {"svc": "api"}) == "restart api on $HOST_ID"
    assert display("restart <svc>", {"svc": "a b"}) == "restart 'a b'"
    assert display("restart '<svc>'", {"svc": "api"}) == "restart '<svc>'"


def test_two_spellings_are_one_parameter() -> None:
    assert bind("a <bot-id> $bot_id", {"bot-id"}).script == 'a "${VIGIE_P_bot_id}" "${VIGIE_P_bot_id}"'
    runbook = read_markdown("# T\n\n## Steps\n\n1. `ls <bot-id>`\n2. `ls $bot_id`\n", "x.md").runbooks[0]
    assert [param.name for param in runbook.params] == ["bot-id"]
    assert [command.params for step in runbook.steps() for command in step.commands] == [("bot-id",), ("bot-id",)]


def test_names_of_variables() -> None:
    assert env_name("bot-id") == "VIGIE_P_bot_id"
    assert env_name("имя").startswith("VIGIE_P_")
    assert env_name("имя") != env_name("адрес")
    assert env_name("имя").isascii()


@pytest.mark.parametrize(
    "name", ["INFLUX_TOKEN", "password", "api-key", "DB_PASSWORD", "mot-de-passe", "client_secret"]
)
def test_secret_names(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["host", "tokenizer", "keyspace", "compass", "bot-id"])
def test_plain_names(name: str) -> None:
    assert not is_secret(name)


def test_placeholders_of_a_message() -> None:
    text = "Since [TIME]: [what users see]\n- [ ] task [link](x) <who> {{region}} [INFO] [1]"
    assert [name for name, _ in in_text(text)] == ["TIME", "what users see", "who", "region"]


@settings(deadline=None)
@example("{\U000efda3")  # ended the process: the grammar's scanner read past a table
@example("$\\")  # a variable without a name
@given(st.text(max_size=80))
def test_no_text_breaks_it(text: str) -> None:
    for one in find(text):
        assert text[one.start : one.end] == one.source
    display(text, {one.name: "v" for one in find(text)})
