"""``command``: a program's exit code; a Nagios plugin's output and performance data."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.conditions import Body
from console.watch.perfdata import figures, split
from console.watch.probing import Reading, Tools
from console.watch.running import run

PLACEHOLDERS: Final = frozenset(("EXIT_CODE", "OUTPUT", "PERF"))
CONDITIONS: Final = ()
_NAGIOS: Final = {0: OK, 1: DEGRADED, 2: DOWN, 3: UNKNOWN}
_NOT_RUN: Final = (126, 127)  # a shell's or env's word for a program that could not be started


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``command`` check. No shell: ``[sh, -c, "a | b"]`` is one if it is wanted."""

    run: str | tuple[str, ...]
    nagios: bool = False  # exit 1 is DEGRADED, 3 UNKNOWN; perfdata after | is read
    ok_codes: tuple[int, ...] = (0,)
    folder: str = ""  # to run it in; "" = that of the configuration
    env: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        try:
            words = shlex.split(self.run) if isinstance(self.run, str) else list(self.run)
        except ValueError as error:
            raise ValueError(f"run: {str(error).lower()}: {self.run!r}") from None
        if not words or not words[0]:
            raise ValueError("run: expected a program")
        if self.nagios and self.ok_codes != (0,):
            raise ValueError("ok_codes: a Nagios plugin's codes have their meaning")


class Probe:
    """Runs it and reads the first line that it says."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options
        self._words = shlex.split(options.run) if isinstance(options.run, str) else list(options.run)

    async def measure(self, tools: Tools) -> Reading:
        options = self._options
        folder = tools.path(options.folder) if options.folder else tools.base
        done = await run(self._words, environment=options.env, folder=folder)
        said, measured = split(done.output) if options.nagios else (done.output, "")
        first = next((line.strip() for line in said.splitlines() if line.strip()), "")
        first = first or next((line.strip() for line in done.errors.splitlines() if line.strip()), "")
        state = self._state(done.code)
        perf = figures(measured)
        detail = first
        if done.code < 0:
            detail = f"ended by signal {-done.code}" + (f": {first}" if first else "")
        elif not options.nagios or done.code not in _NAGIOS:
            detail = f"exit {done.code}" + (f": {first}" if first else "")
        value = next(iter(perf.values()), None)
        return Reading(
            state=state,
            detail=detail or f"exit {done.code}",
            values={
                "EXIT_CODE": done.code,
                "OUTPUT": Body(said.strip()),
                "PERF": {name: one.value for name, one in perf.items()},
            },
            value=value.value if value else None,
            unit=value.unit if value else "",
            told=("EXIT_CODE",) if not options.nagios else (),
            got="\n".join(text for text in (done.output.strip(), done.errors.strip()) if text),
        )

    def _state(self, code: int) -> str:
        if self._options.nagios:
            return _NAGIOS.get(code, UNKNOWN)
        if code in self._options.ok_codes:
            return OK
        return UNKNOWN if code in _NOT_RUN else DOWN
