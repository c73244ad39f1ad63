"""The watch as a service of systemd: the words it sends to its manager, and the unit that ``vigie watch`` prints.

The protocol is one datagram to ``$NOTIFY_SOCKET`` (sd_notify(3)); without that variable nothing is sent.
"""

from __future__ import annotations

import os
import shlex
import socket
import time
from pathlib import Path


def tell(*lines: str) -> None:
    """Send ``READY=1``, ``STATUS=…``, ``WATCHDOG=1`` and the like. Never raises: the service goes on unheard."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            out.sendto("\n".join(lines).encode(), "\0" + address[1:] if address[0] == "@" else address)
    except OSError:
        pass


def tell_reloading() -> None:
    """A reload begins; ``READY=1`` ends it."""
    tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def watchdog_s() -> float | None:
    """How often the manager wants to hear ``WATCHDOG=1``, halved; None when it does not."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or int(usec) <= 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 2_000_000


def unit(program: Path, config: Path | None, database: Path | None) -> str:
    """A hardened unit that runs *program* (the ``vigie`` script) as a system service. Paths are absolute.

    Without *database* the service keeps it in ``/var/lib/vigie``, where systemd makes the folder.
    """
    own = database is None
    path = Path("/var/lib/vigie/vigie.db") if database is None else database
    options = ["--db", str(path), *(["--config", str(config)] if config is not None else [])]
    command = " ".join(_word(one) for one in (str(program), *options, "watch"))
    place = (
        ("StateDirectory=vigie", "StateDirectoryMode=2770") if own else (f"ReadWritePaths={_word(str(path.parent))}",)
    )
    return _UNIT.format(command=command, place="\n".join(place))


def _word(text: str) -> str:
    """*text* as one word of a unit file: % and $ mean themselves."""
    text = text.replace("%", "%%").replace("$", "$$")
    return (
        text
        if text == shlex.quote(text) or text.isalnum()
        else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )


_UNIT = """\
# Vigie's watch: polls and records with nobody logged in.
#   vigie watch --systemd-unit > /etc/systemd/system/vigie-watch.service
#   useradd --system --home-dir /var/lib/vigie --shell /usr/sbin/nologin vigie
#   systemctl daemon-reload && systemctl enable --now vigie-watch
# Operators in the group vigie share its database: set database_mode: "0660" in vigie.yaml.

[Unit]
Description=Vigie watch: checks, alerts and their record
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=2
WatchdogSec=30
TimeoutStopSec=10
User=vigie
Group=vigie
UMask=0007
{place}
Environment=PYTHONUNBUFFERED=1

# What its checks need: sockets of every common family, the host's processes and disks to look at, programs to start.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
RemoveIPC=yes
LimitNOFILE=8192
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
"""
