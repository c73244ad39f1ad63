"""The state of one check: what a result does to it. Pure functions over small structs.

Raw result, hard state and overlays are kept apart (Nagios: https://www.nagios.org/documentation, "State Types"). The
first result is believed at once (but a problem that must last for a while, ``for``, is waited for). After that a raw
state that differs from the hard one must come *threshold* times in a row: ``recover_threshold`` for OK,
``fail_threshold`` for anything else. Which bad state it is does not matter to the count, and going from one bad state
to another does not move the start of the problem.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from console.snapshot import DEGRADED, DOWN, FLAPPING, OK, PENDING, STALE, UNKNOWN, CheckState, StatusSnapshot

BAD: Final = (DEGRADED, DOWN, UNKNOWN)

RING: Final = 21  # results that flap detection looks at
FLAP_STARTS: Final = 30.0  # percent of weighted changes
FLAP_STOPS: Final = 20.0


class Policy(Struct, frozen=True, kw_only=True):
    """How a check's results are believed. Times in seconds."""

    interval: float = 15.0
    timeout: float = 5.0
    retry_interval: float = 5.0
    fail_threshold: int = 3
    recover_threshold: int = 2
    hold: float = 0.0  # a problem must have lasted this long


class Result(Struct, frozen=True, kw_only=True):
    """What one run of a check found. ``detail`` is one clean line."""

    state: str  # OK | DEGRADED | DOWN | UNKNOWN
    detail: str = ""
    latency_ms: float | None = None
    lateness_ms: float | None = None
    value: float | None = None
    unit: str = ""
    certain: bool = False  # needs no second look: somebody said so, or a clock did
    recovered: bool = True  # whether ``recover_when`` holds: an OK without it does not end a problem
    got: str = ""  # the beginning of what a failing check got, not sanitised (console.watch.bodies)
    memory: str = ""  # what the probe wants back from the next watch


class Machine(Struct, frozen=True, kw_only=True):
    """All that is remembered of a check. Kept in status.db, so that the next leader goes on from here."""

    hard: str = PENDING
    since: datetime | None = None  # start of the hard state; of a problem, its first bad result
    streak: int = 0  # results in a row that speak against the hard state
    streak_at: datetime | None = None  # the first of them
    streak_boot: float = 0.0  # the same on CLOCK_BOOTTIME, seconds
    last: Result | None = None
    last_at: datetime | None = None
    last_boot: float | None = None
    ring: str = ""  # first letters of the last raw states (O, D = down, G = degraded, U), newest last
    flapping: bool = False
    blind: bool = False  # the last run failed while our own link was down: nothing follows from it
    memory: str = ""  # the last that its probe wanted back (console.watch.probing.Remembering)
    of: str = ""  # what was asked (Check.question): an answer to something else is no evidence


class Transition(Struct, frozen=True, kw_only=True):
    """A hard state gave way to another. ``at`` is when it was known, ``since`` when the new state began."""

    old: str
    new: str
    at: datetime
    since: datetime


def step(
    machine: Machine, result: Result, now: datetime, boot: float, policy: Policy, *, believed: bool = True
) -> tuple[Machine, Transition | None]:
    """What *result*, got at *now* (and *boot* seconds on CLOCK_BOOTTIME), makes of *machine*.

    One that is not *believed* yet is counted, and changes nothing else.
    """
    ring = (machine.ring + _LETTERS[result.state])[-RING:]
    flapping = _flaps(ring, machine.flapping)
    seen = replace(
        machine,
        last=replace(result, memory="") if result.memory else result,
        memory=result.memory or machine.memory,
        last_at=now,
        last_boot=boot,
        ring=ring,
        flapping=flapping,
        blind=False,
    )
    if machine.hard == PENDING and believed and (result.state == OK or policy.hold == 0):
        return _become(seen, result.state, now, since=now)
    if result.state == machine.hard or (result.state == OK and not result.recovered):
        return replace(seen, streak=0, streak_at=None), None
    # A run of bad results and a run of good ones are different runs.
    goes_on = machine.streak > 0 and machine.last is not None and (machine.last.state == OK) == (result.state == OK)
    streak = machine.streak + 1 if goes_on else 1
    streak_at = machine.streak_at if goes_on and machine.streak_at is not None else now
    # After a reboot the clock starts anew: what is left of the hold is waited for again.
    streak_boot = min(machine.streak_boot, boot) if goes_on else boot
    held = result.state == OK or boot - streak_boot >= policy.hold
    if believed and held and streak >= (1 if result.certain else _threshold(result.state, policy)):
        within_problem = machine.hard in BAD and result.state in BAD
        since = machine.since if within_problem and machine.since is not None else streak_at
        return _become(seen, result.state, now, since=since)
    return replace(seen, streak=streak, streak_at=streak_at, streak_boot=streak_boot), None


def unseen(machine: Machine, detail: str, now: datetime, boot: float) -> Machine:
    """*machine* after a run that says nothing: our own link was down. The hard state stays as it was."""
    nothing = Result(state=UNKNOWN, detail=detail)
    return replace(machine, last=nothing, last_at=now, last_boot=boot, streak=0, streak_at=None, blind=True)


def _become(machine: Machine, new: str, now: datetime, *, since: datetime) -> tuple[Machine, Transition | None]:
    changed = replace(machine, hard=new, since=since, streak=0, streak_at=None)
    return changed, Transition(old=machine.hard, new=new, at=now, since=since)


def _threshold(state: str, policy: Policy) -> int:
    return policy.recover_threshold if state == OK else policy.fail_threshold


def soft(machine: Machine, policy: Policy) -> tuple[int, int] | None:
    """(results seen, results needed) while a change is not yet believed."""
    if machine.streak == 0 or machine.last is None:
        return None
    needed = _threshold(machine.last.state, policy)
    return min(machine.streak, needed), needed


def pause(machine: Machine, policy: Policy) -> float | None:
    """Seconds to the next run when it should not wait for its place on the grid: while a change is being proved."""
    return policy.retry_interval if machine.streak else None


def is_stale(age_s: float, interval_s: float, timeout_s: float) -> bool:
    """Whether a result *age_s* seconds old is too old to be believed."""
    return age_s > 2 * interval_s + timeout_s


# ── flapping ─────────────────────────────────────────────────────────────────────────────────────────────────────

_LETTERS: Final = {OK: "O", DEGRADED: "G", DOWN: "D", UNKNOWN: "U"}
_WEIGHTS: Final = tuple(0.75 + 0.5 * (i - 1) / (RING - 2) for i in range(1, RING))  # oldest change first


def flap_percent(ring: str) -> float:
    """Weighted percentage of state changes (Nagios base/flapping.c); 0 until the ring is full."""
    if len(ring) < RING:
        return 0.0
    changed = sum(weight for weight, a, b in zip(_WEIGHTS, ring, ring[1:], strict=False) if a != b)
    return 100.0 * changed / (RING - 1)


def _flaps(ring: str, before: bool) -> bool:
    percent = flap_percent(ring)
    return percent > FLAP_STOPS if before else percent >= FLAP_STARTS


def failing_of(ring: str, last: int = 5) -> tuple[int, int]:
    """(bad results, results) among the newest *last*."""
    newest = ring[-last:]
    return sum(letter != "O" for letter in newest), len(newest)


# ── what readers see ─────────────────────────────────────────────────────────────────────────────────────────────


def held_s(machine: Machine, boot: float, policy: Policy) -> float:
    """For how many of the seconds before *boot* the last result speaks: until it became stale."""
    age = _age(machine, boot)
    return 0.0 if age == float("inf") else min(age, 2 * policy.interval + policy.timeout)


def overlays(machine: Machine, policy: Policy, boot: float, *, extra: tuple[str, ...] = ()) -> tuple[str, ...]:
    """STALE and FLAPPING as they are at *boot*, then *extra*."""
    result = []
    if machine.last_boot is not None and is_stale(_age(machine, boot), policy.interval, policy.timeout):
        result.append(STALE)
    if machine.flapping:
        result.append(FLAPPING)
    return (*result, *extra)


def _age(machine: Machine, boot: float) -> float:
    # A time of an earlier boot is later than now: it was long ago.
    last = machine.last_boot
    return float("inf") if last is None or last > boot else boot - last


def aged(snapshot: StatusSnapshot, elapsed_s: float) -> StatusSnapshot:
    """*snapshot* as it must be read *elapsed_s* seconds after it was taken: results that are too old become STALE.

    *elapsed_s* comes from CLOCK_BOOTTIME, so that a wall clock set back keeps nothing green.
    """
    seen_at = snapshot.taken_at + timedelta(seconds=elapsed_s)
    checks = tuple(_aged_check(check, seen_at) for check in snapshot.checks)
    if all(a is b for a, b in zip(checks, snapshot.checks, strict=True)):
        return snapshot
    return replace(snapshot, checks=checks)


def _aged_check(check: CheckState, seen_at: datetime) -> CheckState:
    if check.stale or check.last_at is None:
        return check
    age_s = (seen_at - check.last_at).total_seconds()
    if not is_stale(age_s, check.interval_s, check.timeout_s):
        return check
    return replace(check, overlays=(STALE, *check.overlays))
