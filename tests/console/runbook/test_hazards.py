"""One hazard of plain Markdown a case, under the number of its rule, in a block or a line of our own words."""

from __future__ import annotations

import pytest

from console.runbook.markdown import read_markdown
from console.runbook.model import Document, Step
from tests.console.runbook.sketch import sketch

HEAD = "# T\n\n## Steps\n\n"


def read(body: str) -> Document:
    return read_markdown(HEAD + body, "t.md")


def steps(body: str) -> list[Step]:
    return [step for runbook in read(body).runbooks for step in runbook.steps()]


def fence(*rows: str, tag: str = "sh") -> str:
    return "\n".join((f"```{tag}", *rows, "```", ""))


def commands(body: str) -> list[str]:
    """Each command: ``$`` may run, ``x`` may be copied, a tag where it is no shell."""
    return [
        ("$ " if c.runnable else "x ") + ("" if c.lang == "sh" else f"({c.lang}) ") + c.text
        for step in steps(body)
        for c in step.commands
    ]


@pytest.mark.parametrize(
    ("rule", "body", "expected"),
    [
        (
            "8: output under an unprompted command",
            fence("kubectl get nodes", "NAME READY", "node-1 True"),
            ["$ kubectl get nodes"],
        ),
        ("8: a listing", fence("ls -l", "total 24K", "-rw-r--r-- 1 root root 4 x.pem"), ["$ ls -l"]),
        ("8: an unknown tool is a command", fence("frobnicate --all"), ["$ frobnicate --all"]),
        ("8: YAML under the tag of a shell", fence("limits:", "  cpu: 2"), []),
        ("8: an excerpt", fence("cat x.conf", "..."), ["x cat x.conf\n..."]),
        ("8: an address", fence("https://graphs.example/d/1"), ["x https://graphs.example/d/1"]),
        ("8: only variables", fence("TOKEN=abc"), ["x TOKEN=abc"]),
        ("8: PromQL by tag", fence('up{job="a"} == 0', tag="promql"), ['x (promql) up{job="a"} == 0']),
        ("8: SQL by its words", fence("select 1 from t;", tag=""), ["x (sql) select 1 from t;"]),
        ("9: dollars", fence("$ uptime", " 14:00 up 3 days"), ["$ uptime"]),
        ("9: no dollar is taken from a name", fence("$HOME/bin/x --go"), ["$ $HOME/bin/x --go"]),
        ("9: nor from a substitution", fence("$(which ls) -l"), ["$ $(which ls) -l"]),
        ("9: a host and a folder", fence("db1:~$ uptime", "up"), ["$ uptime"]),
        ("9: somebody at a host", fence("[ann@db1 ~]$ uptime", "up"), ["$ uptime"]),
        ("9: a percent sign", fence("% uptime", "up"), ["$ uptime"]),
        ("9: an angle", fence("> uptime"), ["$ uptime"]),
        ("9: PowerShell", fence("PS C:\\> Get-Service x"), ["x (powershell) PS C:\\> Get-Service x"]),
        ("9: MySQL", fence("mysql> show tables;", "| a |", tag=""), ["x (sql) show tables;"]),
        ("9: Postgres", fence("app=# select 1;", "(1 row)", tag=""), ["x (sql) select 1;"]),
        (
            "9: more lines at a database",
            fence("app=# select 1", "app-# from t;", "(1 row)", tag=""),
            ["x (sql) select 1\nfrom t;"],
        ),
        ("9: Python", fence(">>> f(1)", "2", tag=""), ["x (python) f(1)"]),
        ("9: another program's prompt writes no file", fence("gpg/card> admin"), ["x gpg/card> admin"]),
        ("9: root", fence("# systemctl restart x"), ["x systemctl restart x"]),
        ("9: root, in a session", fence("$ sudo su", "# reload-all now"), ["$ sudo su", "x reload-all now"]),
        ("9: a backslash", fence("$ echo a \\", "    b", "a b"), ["$ echo a \\\n    b"]),
        ("9: an open quote", fence("$ echo 'a", "b'", "a"), ["$ echo 'a\nb'"]),
        (
            "9: an open loop",
            fence("$ for i in 1 2; do", ">   echo $i", "> done", "1"),
            ["$ for i in 1 2; do\n  echo $i\ndone"],
        ),
        ("9: a heredoc", fence("$ cat <<END", "a", "END", "a"), ["$ cat <<END\na\nEND"]),
        ("9: a pipe at the end", fence("$ ls |", "wc -l", "3"), ["$ ls |\nwc -l"]),
        (
            "7: a heredoc is not cut",
            fence("# 1. Write", "cat >x <<E", "# 2. no title", "E"),
            ["$ cat >x <<E\n# 2. no title\nE"],
        ),
        ("11: xxx as a word", fence("ping -c 1 xxx.xxx.xxx.xxx"), ["x ping -c 1 xxx.xxx.xxx.xxx"]),
        ("11: a placeholder without an end", fence("git -C <path show-ref x"), ["x git -C <path show-ref x"]),
        ("11: with a comma in it", fence("echo <name, or id>"), ["$ echo <name, or id>"]),
        ("11: a real redirection", fence("mysql shop <dump.sql"), ["$ mysql shop <dump.sql"]),
        ("17: a path", "1. Look at `/var/log/x.log`\n", ["x (path) /var/log/x.log"]),
        ("17: an API", "1. Ask `GET /api/x`\n", ["x (api) GET /api/x"]),
        ("17: a script by name", "1. Via the `drain.sh` script\n", ["x (path) drain.sh"]),
        ("17: a script that is started", "1. Do `./drain.sh all`\n", ["$ ./drain.sh all"]),
        ("17: what a remark mentions", "1. Go\n\n   > `rm -rf x` does harm\n", []),
        ("17: a bare line", "1. Go in:\n\n   sudo rm -rf /var/run/x/\n", ["$ sudo rm -rf /var/run/x/"]),
        ("17: a sentence", "1. Go in:\n\n   make sure it is at /x/y now.\n", []),
        ("1: an indented fence", "Do:\n\n    ```\n    uptime -p\n    ```\n", ["$ uptime -p"]),
        ("20: awk", fence("ps | awk '{print $2}'"), ["$ ps | awk '{print $2}'"]),
    ],
    ids=lambda value: value if isinstance(value, str) and value[:1].isdigit() and ":" in value[:4] else "",
)
def test_what_is_a_command(rule: str, body: str, expected: list[str]) -> None:
    assert commands(body) == expected, rule


SESSIONS = (
    "ssh db1",
    "oc debug node/a",
    "chroot /host",
    "docker exec -it web bash",
    "kubectl exec -it web -- sh",
    "sudo -i",
    "su - postgres",
    "sudo su",
    "psql shop",
    "gcloud compute ssh a",
    "nsenter -t 1 -m bash",
)


@pytest.mark.parametrize("opener", SESSIONS)
def test_14_what_follows_a_session_runs_inside_it(opener: str) -> None:
    (first, *later) = [
        c for step in steps(f"{fence(opener, 'rm -rf /x')}\n- `reboot`\n- `exit`\n- `uptime`\n") for c in step.commands
    ]
    assert (first.runnable, first.tty) == (True, "yes")
    assert [c.runnable for c in later] == [False, False, True]
    assert "inside the session above" in (later[0].why_not or "")


@pytest.mark.parametrize(
    "command",
    [
        "ssh db1 uptime",
        "docker exec web ls",
        "kubectl exec web -- ls",
        "psql -c 'select 1'",
        "sudo ls",
        "su -c ls",
        "chroot /h ls",
        "knife ssh role:x 'uptime'",
        "oc debug node/a -- ls",
    ],
)
def test_14_a_command_that_comes_back_opens_none(command: str) -> None:
    assert [c.runnable for step in steps(fence(command, "uptime")) for c in step.commands] == [True, True]


@pytest.mark.parametrize(
    "note",
    [
        '!!! warning "Mind"\n    The harbour is shut.\n',
        "??? note\n    The harbour is shut.\n",
        ":::note\nThe harbour is shut.\n:::\n",
        ":::{warning}\nThe harbour is shut.\n:::\n",
        "> [!CAUTION]\n> The harbour is shut.\n",
        "```{admonition} Mind\nThe harbour is shut.\n```\n",
    ],
)
def test_1_an_admonition_goes_with_the_next_step(note: str) -> None:
    (step,) = steps(f"{note}\n{fence('uptime')}")
    assert any("The harbour is shut." in one for one in step.notes)
    assert [c.text for c in step.commands] == ["uptime"]


@pytest.mark.parametrize(
    "line", ["{% if x %}", "<% if x %>", "{{< hint >}}", "{{% notice %}}", "<!-- x -->", "{# x #}"]
)
def test_1_template_lines_are_inert(line: str) -> None:
    assert sketch(read(f"{line}\n\n1. Go\n\n{line}\n").runbooks[0])[0].startswith("3 act: ")
    assert [step.title for step in steps(f"{line}\n\n1. Go\n")] == ["Go"]


@pytest.mark.parametrize("words", ["TODO", "TBD", "TODO: write this", "待补充", "À compléter", "n/a"])
def test_4_an_empty_section_is_no_step(words: str) -> None:
    assert steps(f"{words}\n") == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Then check the valve", "check"),
        ("And finally, verify the valve", "check"),
        ("You can also look at the valve", "check"),
        ("Ensuite, vérifier la vanne", "check"),
        ("接着检查阀门", "check"),
        ("Find and terminate the old pumps", "do"),
        ("Then wait 5 minutes", "wait"),
        ("See [the other](other.md)", "call"),
        ('See [the other]({{< ref "./other.md" >}}) for more', "call"),
        ("Open the valve", "do"),
    ],
)
def test_kinds(line: str, kind: str) -> None:
    (step,) = steps(f"1. {line}\n")
    assert step.kind == kind


@pytest.mark.parametrize(
    ("line", "decision", "optional"),
    [
        ("If it leaks, shut it", True, False),
        ("Shut it if needed", False, True),
        ("Shut it, if applicable", False, True),
        ("Save it in case we need it", False, False),
        ("Check if it leaks", False, False),
        ("Sinon, fermer", True, False),
        ("如需更多，打开", True, False),
    ],
)
def test_12_branches_and_what_may_be_left_out(line: str, decision: bool, optional: bool) -> None:
    (step,) = steps(f"1. {line}\n")
    assert (step.decision, step.optional) == (decision, optional)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Summary\n\n## Steps\n\n1. Go\n", "the-file"),
        ("# Pump\n\n## Steps\n\n1. Go\n", "Pump"),
        ("**Table of Contents**\n\n- [a](#a)\n\n# Pump\n\n## Steps\n\n1. Go\n", "Pump"),
        ("---\ntitle: Well\n---\n# Pump\n\n## Steps\n\n1. Go\n", "Well"),
        ("## Steps\n\n1. Go\n", "Steps"),
    ],
)
def test_2_titles(text: str, title: str) -> None:
    assert read_markdown(text, "x/the-file.md").runbooks[0].title == title


@pytest.mark.parametrize(
    ("command", "warned"),
    [
        ("iptables -I INPUT -j DROP", True),
        ("iptables -L", False),
        ("ufw enable", True),
        ("firewall-cmd --add-rich-rule='rule source address=1.2.3.4 reject'", True),
        ("firewall-cmd --list-all", False),
        ("systemctl restart sshd", True),
        ("ip link set eth0 down", True),
        ("nft flush ruleset", True),
        ("reboot", True),
    ],
)
def test_21_what_may_cut_the_operators_own_link(command: str, warned: bool) -> None:
    ((found,),) = [step.commands for step in steps(fence(command))]
    assert bool(found.warnings) is warned


@pytest.mark.parametrize(
    "command", ["top", "tail -f x", "watch df", "journalctl -f", "ssh -N -L 1:h:2 db1", "kubectl logs -f x", "ping h"]
)
def test_21_what_goes_on_until_it_is_stopped(command: str) -> None:
    ((found,),) = [step.commands for step in steps(fence(command))]
    assert found.tty == "follow"
