"""One run of one check: measure within its time, then ask the conditions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from console.sanitize import one_line
from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.bodies import beginning
from console.watch.checks import Check
from console.watch.conditions import Condition
from console.watch.failing import in_words
from console.watch.loop import LookUps, looking_up
from console.watch.probing import ProbeError, Reading, Tools, ends_at
from console.watch.state import Result

_DETAIL: Final = 200  # characters
_HELD_UP_S: Final = 1.0  # a time-out that comes so late says something of us


async def measure(check: Check, tools: Tools) -> Result:
    """Run *check* once. Never raises, except when cancelled; never takes longer than its time-out."""
    names = LookUps()
    looking_up.set(names)
    ends_at.set(asyncio.get_running_loop().time() + check.policy.timeout)
    try:
        async with asyncio.timeout(check.policy.timeout):
            reading = await check.probe.measure(tools)
    except TimeoutError:
        return _timed_out(check, names)
    except ProbeError as error:
        return Result(state=UNKNOWN, detail=one_line(str(error), _DETAIL), got=beginning(error.got))
    except Exception as error:  # a fault of ours must cost one result, not the watch
        detail = one_line(f"could not measure: {type(error).__name__}: {error}", _DETAIL)
        return Result(state=UNKNOWN, detail=detail)
    if names.old:
        reading = replace(reading, detail=f"{reading.detail} (resolver stuck: old address of {names.old[0]})")
    return judge(check, reading)


def _timed_out(check: Check, names: LookUps) -> Result:
    within = f"{check.policy.timeout:g}s"
    over_s = asyncio.get_running_loop().time() - ends_at.get()
    if over_s > _HELD_UP_S:  # the answer may have been here all the time
        return Result(state=UNKNOWN, detail=f"could not measure: this process stood still for {over_s:.1f}s")
    if names.pending:
        words = f"name look-up of {names.pending[0]} timed out after {within}"
        return Result(state=UNKNOWN, detail=one_line(words, _DETAIL))
    if not check.probe.host or names.preparing:
        return Result(state=UNKNOWN, detail=f"could not measure within {within}")
    took = check.policy.timeout * 1000
    return Result(state=DOWN, detail=f"timed out after {within}", latency_ms=took, got=beginning(names.got))


def judge(check: Check, reading: Reading) -> Result:
    """What the conditions of *check* make of *reading*."""
    state, detail = reading.state, reading.detail
    # Who asks for [CONNECTED] wants to judge a failed connection by itself: a port may be meant to be closed.
    alone = reading.values.get("CONNECTED") is False
    expected = state == DOWN and alone and any("CONNECTED" in one.placeholders for one in check.conditions)
    if state in (OK, DEGRADED) or expected:
        failed = _failed(check.conditions, reading)
        if failed:
            state, detail = DOWN, detail if expected else _joined(detail, failed)
        elif expected:
            state = OK
    if state == OK and (failed := _failed(check.degraded_conditions, reading)):
        state, detail = DEGRADED, _joined(detail, failed)
    return Result(
        state=state,
        detail=one_line(detail, _DETAIL),
        latency_ms=reading.latency_ms,
        value=reading.value,
        unit=reading.unit,
        certain=reading.certain,
        recovered=state != OK or not _failed(check.recover_when, reading),
        got="" if state == OK else beginning(reading.got),
        memory=reading.memory,
    )


def _joined(detail: str, failed: str) -> str:
    return f"{detail}, {failed}" if detail else failed


def _failed(conditions: Sequence[Condition], reading: Reading) -> str:
    """The first condition that does not hold, in words, and how many more there are; "" when all hold."""
    failed = [condition for condition in conditions if not condition.evaluate(reading.values).held]
    if not failed:
        return ""
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return in_words(failed[0], reading.values, reading.told) + more
