"""``systemd``: the state of a unit, by ``systemctl show``."""

from __future__ import annotations

import re
from typing import Annotated, Final

from msgspec import Meta, Struct

from console.snapshot import DEGRADED, DOWN, OK
from console.watch.probing import ProbeError, Reading, Tools
from console.watch.running import run

PLACEHOLDERS: Final = frozenset(("ACTIVE", "SUB", "RESULT", "RESTARTS", "MEMORY", "LOADED", "ENABLED", "EXIT_CODE"))
CONDITIONS: Final = ()
_ASKED: Final = (
    "LoadState,ActiveState,SubState,Result,NRestarts,MemoryCurrent,UnitFileState,ExecMainStatus,NeedDaemonReload"
)
_UNIT: Final = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}")


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``systemd`` check."""

    unit: str  # "nginx" is nginx.service
    user: bool = False  # a unit of the user that the watch runs as
    active: tuple[str, ...] = ("active", "reloading")  # states that are well; a oneshot's or a timer's may be inactive
    max_restarts: Annotated[int, Meta(ge=0)] | None = None  # by systemd itself, since the unit was started by hand

    def __post_init__(self) -> None:
        if not _UNIT.fullmatch(self.unit) or self.unit.startswith("-"):
            raise ValueError(f"unit: expected the name of a unit, got {self.unit!r}")


class Probe:
    """Asks once for all that is judged."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options

    async def measure(self, tools: Tools) -> Reading:
        who = ["--user"] if self._options.user else []
        command = ["systemctl", *who, "show", "--no-pager", f"--property={_ASKED}", "--", self._options.unit]
        done = await run(command, environment={"LC_ALL": "C", "SYSTEMD_COLORS": "0"})
        found = dict(line.split("=", 1) for line in done.output.splitlines() if "=" in line)
        if done.code != 0 or "ActiveState" not in found:
            said = (done.errors or done.output).strip().splitlines()
            raise ProbeError(f"systemctl: {said[0] if said else f'exit {done.code}'}")
        return self._judged(found)

    def _judged(self, found: dict[str, str]) -> Reading:
        options = self._options
        active, sub = found["ActiveState"], found.get("SubState", "")
        restarts = _number(found.get("NRestarts"))
        values: dict[str, object] = {
            "ACTIVE": active,
            "SUB": sub,
            "RESULT": found.get("Result", ""),
            "LOADED": found.get("LoadState", ""),
            "ENABLED": found.get("UnitFileState", ""),
            "EXIT_CODE": _number(found.get("ExecMainStatus")) or 0,
            "RESTARTS": restarts or 0,
        }
        memory = _number(found.get("MemoryCurrent"))
        if memory is not None and memory < 2**63:  # "not set" is the largest number there is
            values["MEMORY"] = memory
        if found.get("LoadState") == "not-found":
            return Reading(state=DOWN, detail=f"no unit {options.unit}", values=values)
        if found.get("LoadState") == "masked":
            return Reading(state=DOWN, detail="masked", values=values)
        state, detail = OK, active + (f" ({sub})" if sub and sub != active else "")
        if active not in options.active:
            state = DEGRADED if active == "activating" and sub != "auto-restart" else DOWN
            result = found.get("Result", "")
            detail += f": {result}" if result not in ("", "success") else ""
            detail += f", exit {values['EXIT_CODE']}" if values["EXIT_CODE"] else ""
        elif options.max_restarts is not None and (restarts or 0) > options.max_restarts:
            state, detail = DEGRADED, f"{detail}, restarted {restarts} times, expected at most {options.max_restarts}"
        if found.get("NeedDaemonReload") == "yes":
            detail += ", its file changed since it was read"
        return Reading(state=state, detail=detail, values=values, told=("ACTIVE",))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
