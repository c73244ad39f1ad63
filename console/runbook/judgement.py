"""What running a piece of shell text would mean: for the terminal, for data, and for the operator's own link."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from console.runbook.model import Effect, Tty
from console.runbook.shell import read, words


def unwrapped(command: tuple[str, ...]) -> tuple[str, ...]:
    """*command* without ``sudo``, ``env A=b``, ``nohup`` and the like in front, its name without a path."""
    rest = list(command)
    while rest and rest[0] in words("wrappers"):
        wrapper = rest.pop(0)
        while rest and (rest[0].startswith("-") or "=" in rest[0] or (wrapper == "timeout" and rest[0][:1].isdigit())):
            option = rest.pop(0)
            if wrapper in ("sudo", "doas") and option in ("-i", "-s", "--login", "--shell"):
                return ("sudo-shell", *rest)
            if option in ("-u", "-g", "-n", "-C", "-U", "--user", "-k", "-s") and rest:
                rest.pop(0)
    if not rest:
        return tuple(command[:1])
    return (rest[0].rsplit("/", 1)[-1], *rest[1:])


@dataclass(frozen=True)
class Facts:
    """What running a piece of shell text would mean. *opens*: it opens a session, named, that what follows runs in."""

    tty: Tty = "no"
    effect: Effect = "change"
    warnings: tuple[str, ...] = ()
    opens: str = ""
    opens_early: str = ""
    """A session that opens before the text's last command: those after it would run here, not there."""
    closes: bool = False


@lru_cache(maxsize=512)
def facts(text: str) -> Facts:
    """Judge *text* command by command."""
    script = read(text)
    tty: Tty = "no"
    opens = early = ""
    outer = [unwrapped(command) for command, _ in script.outer if command]
    fed = [fed for command, fed in script.outer if command]
    for position, command in enumerate(outer):
        session = "" if fed[position] else _opens_session(command)
        if session and position + 1 < len(outer) and not _leaves(outer[position + 1]):
            early = early or session
        elif session:
            opens = session
        kind = _terminal(command) if not session else "yes"
        if kind == "yes" or (kind == "follow" and tty == "no"):
            tty = kind
    every = [unwrapped(command) for command in script.commands if command]
    destructive = any(_destroys(command) for command in every) or _DESTRUCTIVE_TEXT.search(text) is not None
    warnings = tuple(dict.fromkeys(w for command in every if (w := _cuts_link(command))))
    closes = bool(outer) and all(_leaves(command) for command in outer)
    return Facts(tty, "destructive" if destructive else "change", warnings, opens, early, closes)


_DESTRUCTIVE_TEXT: Final = re.compile(
    r"\b(?:drop\s+(?:table|database|schema|index|view|user|role)|truncate\s+table|delete\s+from|flush\s+tables)\b"
    r"|\bdd\b[^|;\n]*\bof=/dev/|>\s*/dev/(?:sd|nvme|vd|xvd|mapper)|:\(\)\s*\{",
    re.IGNORECASE,
)


def _leaves(command: tuple[str, ...]) -> bool:
    return command[0] in ("exit", "logout", "quit", "\\q", "bye")


def _options(command: tuple[str, ...]) -> str:
    """The short options of a command, run together."""
    return "".join(word[1:] for word in command[1:] if re.fullmatch(r"-[A-Za-z]{1,5}", word))


def _after_dashes(command: tuple[str, ...]) -> tuple[str, ...]:
    return command[command.index("--") + 1 :] if "--" in command else ()


def _opens_session(command: tuple[str, ...]) -> str:
    """The name of the session that *command* opens and leaves the operator in; empty when it ends by itself."""
    name, rest = command[0], command[1:]
    if name in ("ssh", "autossh", "mosh"):
        return _ssh_session(command)
    if name == "sudo-shell":
        return "" if rest and not rest[0].startswith("-") else "sudo -i"
    if name == "su":
        return "" if "-c" in rest or "--command" in rest else "su"
    if name == "oc" and rest[:1] == ("debug",):
        return "" if _after_dashes(command) and not _is_shell(_after_dashes(command)) else "oc debug"
    if name in ("kubectl", "oc", "docker", "podman", "nerdctl", "docker-compose", "crictl") and {
        "exec",
        "run",
        "attach",
    } & set(rest[:4]):
        return _container_session(command)
    if name == "gcloud" and "ssh" in rest[:3]:
        return "" if any(word.startswith("--command") for word in rest) else "gcloud ssh"
    if name == "knife" and rest[:1] == ("ssh",):
        return "knife ssh" if {"interactive", "tmux", "screen", "cssh"} & set(rest) else ""
    if name in ("vagrant", "multipass", "minikube") and rest[:1] in (("ssh",), ("shell",)):
        return "" if "-c" in rest or "--command" in rest else f"{name} {rest[0]}"
    if name == "aws" and rest[:2] == ("ssm", "start-session"):
        return "aws ssm"
    if name in ("virsh", "ipmitool") and {"console", "activate"} & set(rest):
        return f"{name} console"
    if name in words("shells"):
        return name if all(word.startswith("-") and "c" not in word for word in rest) else ""
    if name in ("python", "python3", "node", "php", "ruby"):
        return name if not rest or rest == ("-i",) else ""
    if name in ("rails", "gitlab-rails", "gitlab-psql") and (
        not rest or rest[0] in ("c", "console", "dbconsole", "db")
    ):
        return f"{name} console"
    if name in words("sessions"):
        return "" if _given_work(name, command) else name
    return ""


def _given_work(name: str, command: tuple[str, ...]) -> bool:
    """Whether a client that has a prompt of its own was given its work on the command line."""
    rest = command[1:]
    if name in ("screen", "tmux"):
        return not ({"-r", "-x", "attach", "attach-session", "a", "-S", "new", "new-session"} & set(rest) or not rest)
    if name in ("chroot", "nsenter"):
        plain = [word for word in rest if not word.startswith("-")]
        return name == "chroot" and len(plain) > 1 and plain[1].rsplit("/", 1)[-1] not in words("shells")
    work = {
        "-c",
        "-f",
        "-e",
        "--command",
        "--execute",
        "--file",
        "--eval",
        "-l",
        "--list",
        "--version",
        "-V",
        "--help",
        "-b",
    }
    if work & set(rest) or any(
        word.startswith(("--command=", "--execute=", "--eval=", "-c", "-e")) and len(word) > 2 for word in rest
    ):
        return True
    if name in ("psql", "mysql", "mariadb", "sqlite3") and any(
        re.fullmatch(r"-[A-Za-z]+[cefl]", word) for word in rest
    ):
        return True  # options run together: -Atc
    if name == "redis-cli":
        plain = [
            w
            for i, w in enumerate(rest)
            if not w.startswith("-") and (i == 0 or rest[i - 1] not in ("-h", "-p", "-a", "-n", "-u", "-s"))
        ]
        return bool(plain) or "--scan" in rest or "--bigkeys" in rest
    if name == "sqlite3":
        return len([w for w in rest if not w.startswith("-")]) > 1
    if name == "influx":
        return bool(rest) and not rest[0].startswith("-")
    return False


def _is_shell(command: tuple[str, ...]) -> bool:
    """Whether the words start a shell that waits for a person."""
    name = command[0].rsplit("/", 1)[-1] if command else ""
    if name in ("env", "exec"):
        return _is_shell(command[1:])
    if name not in words("shells"):
        return bool(name) and bool(_opens_session((name, *command[1:])))
    return not any(re.fullmatch(r"-[a-z]*c", word) for word in command[1:])


_WITH_VALUE: Final = re.compile(
    r"-(?:[nceuwvpl]|-(?:env|user|workdir|name|volume|network|entrypoint|namespace|container|context|image|index|mount|publish))$"
)


def _exec_parts(command: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """``(flags, inner command)`` of ``kubectl exec``, ``docker run`` and their kin: the short flags run together, ``t`` and
    ``i`` also for their long forms, and the words after the container's name."""
    start = next((i for i, word in enumerate(command) if word in ("exec", "run", "attach")), len(command))
    rest = command[start + 1 :]
    before = command[1:start]
    inner: tuple[str, ...] = ()
    if "--" in rest:
        cut = rest.index("--")
        rest, inner = rest[:cut], rest[cut + 1 :]
        options = rest
    else:
        position = 0
        while position < len(rest) and rest[position].startswith("-"):
            position += 2 if _WITH_VALUE.fullmatch(rest[position]) else 1
        options, inner = rest[:position], rest[position + 1 :]
        if command[0] in ("kubectl", "oc"):  # the old form without a dash: flags may follow the pod's name
            flags = tuple(word for word in inner if re.fullmatch(r"-[it]{1,2}|--tty|--stdin", word))
            options, inner = (*options, *flags), tuple(word for word in inner if word not in flags)
    given = (*before, *options)
    flags_text = _options(("", *given)) + ("i" if "--stdin" in given else "") + ("t" if "--tty" in given else "")
    if "compose" in command[:start] or command[0] == "docker-compose":
        flags_text = flags_text.replace("T", "") if "T" in flags_text else flags_text + "t"
    return flags_text, inner


def _container_session(command: tuple[str, ...]) -> str:
    verb = next((word for word in command[1:] if word in ("exec", "run", "attach")), "exec")
    label = f"{command[0]} {verb}"
    if verb == "attach":
        return label
    flags, inner = _exec_parts(command)
    if verb == "run" and not inner:
        return (
            label
            if "t" in flags and "d" not in flags and command[0] not in ("docker-compose",) and "compose" not in command
            else ""
        )
    return label if "t" in flags and (not inner or _is_shell(inner)) else ""


def _ssh_session(command: tuple[str, ...]) -> str:
    skip = named = False
    for word in command[1:]:
        if skip:
            skip = False
        elif word in words("ssh_with_value"):
            skip = True
        elif word in ("-N", "-f", "-V", "-G") or (word.startswith("-") and "N" in word and not word.startswith("--")):
            return ""
        elif not word.startswith("-"):
            if named:
                return ""
            named = True
    return "ssh" if named else ""


def _terminal(command: tuple[str, ...]) -> Tty:
    """Whether a command wants the terminal for itself, or goes on until it is stopped."""
    name, rest = command[0], command[1:]
    options = _options(command)
    if name in words("full_screen"):
        return "yes"
    if name in ("ping", "ping6"):
        return "no" if "c" in options or any(w.startswith("-c") for w in rest) else "follow"
    if name in ("tcpdump", "tshark"):
        return "no" if "c" in options or "-w" in rest or any(w.startswith("-c") for w in rest) else "follow"
    if name == "top":
        return "no" if any(re.match(r"-\w*b", word) for word in rest) else "follow"
    if name in words("followers"):
        return "follow"
    if name == "tail":
        return "follow" if re.search(r"[fF]", options) or "--follow" in rest else "no"
    if name in ("journalctl", "dmesg"):
        return (
            "follow"
            if ("f" if name == "journalctl" else "w") in options.replace("W", "w") or "--follow" in rest
            else "no"
        )
    if name in ("vmstat", "iostat", "mpstat", "sar", "pidstat", "dstat"):
        return "follow" if len([w for w in rest if w.isdigit()]) == 1 else "no"
    if name in (
        "kubectl",
        "oc",
        "docker",
        "docker-compose",
        "podman",
        "heroku",
        "nomad",
        "crictl",
        "az",
        "gcloud",
        "aws",
    ):
        return _client_terminal(command, options)
    if name == "crontab" and "-e" in rest:
        return "yes"
    if name == "systemctl" and "edit" in rest[:2]:
        return "yes"
    if name in ("ssh", "autossh") and "N" in options and "f" not in options:
        return "follow"
    if name == "ssh" and "t" in options:
        return "yes"
    if name == "git" and ({"rebase", "commit"} & set(rest[:1])) and ("i" in options or "-m" not in rest):
        return "yes" if "i" in options or "commit" in rest[:1] else "no"
    if name in ("passwd", "virsh-console", "mysql_secure_installation", "raspi-config", "dpkg-reconfigure"):
        return "yes"
    return "no"


def _client_terminal(command: tuple[str, ...], options: str) -> Tty:
    rest = command[1:]
    if {"logs", "log", "tail"} & set(rest[:3]) and ("f" in options or "--follow" in rest or "--tail=-1" in rest):
        return "follow"
    if command[0] in ("kubectl", "oc"):
        if "edit" in rest[:4]:
            return "yes"
        if (
            "port-forward" in rest[:4]
            or "proxy" in rest[:1]
            or ("get" in rest[:4] and ("w" in options or "--watch" in rest))
        ):
            return "follow"
    if {"exec", "run"} & set(rest[:4]) and "compose" not in rest[:1]:
        flags, inner = _exec_parts(command)
        return (
            "yes" if "t" in flags and inner and _terminal((inner[0].rsplit("/", 1)[-1], *inner[1:])) == "yes" else "no"
        )
    if "stats" in rest[:2] and "--no-stream" not in rest:
        return "follow"
    return "no"


def _destroys(command: tuple[str, ...]) -> bool:
    name, rest = command[0], command[1:]
    if name in words("destructive_commands"):
        return True
    if name == "find":
        return "-delete" in rest or "rm" in rest
    if name == "xargs":
        return bool(rest) and any(word.rsplit("/", 1)[-1] in words("destructive_commands") for word in rest[:5])
    if name == "git":
        return bool({"--force", "-f", "--hard", "clean"} & set(rest)) and rest[:1] in (
            ("push",),
            ("reset",),
            ("clean",),
        )
    if name in ("iptables", "ip6tables", "nft", "ipset"):
        return bool({"-F", "--flush", "flush", "-X", "DROP", "REJECT", "delete"} & set(rest))
    if name == "crontab":
        return "-r" in rest
    if name in ("systemctl", "init", "telinit"):
        return bool({"poweroff", "reboot", "halt", "kexec", "0", "6"} & set(rest[:1]))
    if "exec" in rest[:4]:
        inner = (
            _after_dashes(command)
            or tuple(word for word in rest[rest.index("exec") + 1 :] if not word.startswith("-"))[1:]
        )
        return bool(inner) and _destroys((inner[0].rsplit("/", 1)[-1], *inner[1:]))
    if name in ("docker", "podman", "nerdctl"):
        return (
            "rm" in rest[:2]
            or bool(words("destructive_words") & set(rest[:3]))
            or ("down" in rest[:4] and bool({"-v", "--volumes"} & set(rest)))
        )
    if name in ("aws", "gsutil", "s3cmd", "rclone", "mc"):
        return "rm" in rest[:3] or bool(words("destructive_words") & set(rest[:4]))
    if name in ("kill", "echo", "printf", "grep", "man", "cat", "ls"):
        return False
    return bool(words("destructive_words") & {word.lower() for word in rest[:4]})


_LINK_SERVICES: Final = re.compile(
    r"(?:ssh|sshd|network|networking|networkmanager|systemd-networkd|dropbear|wpa_supplicant)(?:\.service|\.socket)?",
    re.I,
)
_CUT: Final = "may cut your own connection to this host"


def _cuts_link(command: tuple[str, ...]) -> str:
    """A warning where *command* can lock the operator out."""
    name, rest = command[0], command[1:]
    given = set(rest)
    if name in ("iptables", "ip6tables"):
        closes = {"DROP", "REJECT"} & given and {"INPUT", "OUTPUT", "-P", "--policy"} & given
        return _CUT if closes or {"-F", "--flush"} & given or name.endswith("-restore") else ""
    if name == "iptables-restore":
        return _CUT
    if name == "nft":
        return _CUT if {"flush", "drop", "reject"} & {part for word in rest for part in word.split()} else ""
    if name == "ufw":
        return _CUT if {"enable", "deny", "reject", "reset"} & given else ""
    if name == "firewall-cmd":
        rules = [word for word in rest if word.startswith(("--add-rich-rule", "--remove-service", "--remove-port"))]
        shuts = any(re.search(r"\b(?:reject|drop|ssh|22/tcp)\b", word) for word in rules)
        return _CUT if "--panic-on" in given or shuts else ""
    if name in ("systemctl", "service", "rc-service"):
        stops = {"stop", "restart", "disable", "mask", "kill"} & given
        if stops and any(_LINK_SERVICES.fullmatch(word) for word in rest):
            return _CUT
        return "ends every session on this host" if {"reboot", "poweroff", "halt", "kexec"} & set(rest[:1]) else ""
    if name == "ip":
        return _CUT if "down" in given or {"flush", "del", "delete"} & given else ""
    if (
        name in ("ifdown", "netplan")
        or (name == "ifconfig" and "down" in given)
        or (name == "nmcli" and {"down", "off"} & given)
    ):
        return _CUT if name != "netplan" or "apply" in given else ""
    if name in ("pkill", "killall") and any(re.fullmatch(r"sshd?", word) for word in rest):
        return _CUT
    if name in ("reboot", "shutdown", "halt", "poweroff"):
        return "ends every session on this host"
    return ""
