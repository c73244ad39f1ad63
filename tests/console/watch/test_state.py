"""The state of a check: thresholds in both directions, soft states, problems that keep their start, flapping, staleness."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from console.snapshot import DEGRADED, DOWN, FLAPPING, OK, PENDING, STALE, UNKNOWN, CheckState, StatusSnapshot
from console.watch.state import (
    BAD,
    RING,
    Machine,
    Policy,
    Result,
    Transition,
    aged,
    failing_of,
    flap_percent,
    overlays,
    pause,
    soft,
    step,
)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = Policy(interval=10, timeout=2, retry_interval=1, fail_threshold=3, recover_threshold=2)


def feed(states: list[str], policy: Policy = POLICY, gap: float = 10) -> tuple[list[Machine], list[Transition | None]]:
    """Run *states* through a new machine, one every *gap* seconds."""
    machine, machines, transitions = Machine(), [], []
    for position, state in enumerate(states):
        machine, transition = step(
            machine, Result(state=state), START + timedelta(seconds=gap * position), gap * position, policy
        )
        machines.append(machine)
        transitions.append(transition)
    return machines, transitions


def at(position: int, gap: float = 10) -> datetime:
    return START + timedelta(seconds=gap * position)


def test_the_first_result_is_believed() -> None:
    for state in (OK, DOWN, UNKNOWN, DEGRADED):
        machines, transitions = feed([state])
        assert machines[0].hard == state
        assert transitions[0] == Transition(old=PENDING, new=state, at=START, since=START)


def test_a_problem_needs_three_results_and_began_with_the_first() -> None:
    machines, transitions = feed([OK, DOWN, DOWN, DOWN])
    assert [one.hard for one in machines] == [OK, OK, OK, DOWN]
    assert [soft(one, POLICY) for one in machines] == [None, (1, 3), (2, 3), None]
    assert [pause(one, POLICY) for one in machines] == [None, 1, 1, None]
    assert transitions[3] == Transition(old=OK, new=DOWN, at=at(3), since=at(1))


def test_recovery_needs_two() -> None:
    machines, transitions = feed([DOWN, OK, DOWN, OK, OK])
    assert [one.hard for one in machines] == [DOWN, DOWN, DOWN, DOWN, OK]
    assert machines[1].since == machines[3].since == START
    assert transitions[4] == Transition(old=DOWN, new=OK, at=at(4), since=at(3))


def test_another_bad_state_resets_neither_count_nor_start() -> None:
    machines, transitions = feed([OK, UNKNOWN, DEGRADED, DOWN])
    assert machines[3].hard == DOWN
    assert transitions[3] is not None
    assert transitions[3].since == at(1)


def test_from_bad_to_worse_keeps_the_problems_start() -> None:
    machines, transitions = feed([DEGRADED, DEGRADED, DOWN, DOWN, DOWN])
    assert machines[-1].hard == DOWN
    assert machines[-1].since == START
    assert transitions[-1] == Transition(old=DEGRADED, new=DOWN, at=at(4), since=START)


def test_a_good_result_in_between_starts_the_count_again() -> None:
    machines, _ = feed([OK, DOWN, DOWN, OK, DOWN, DOWN])
    assert [one.hard for one in machines] == [OK] * 6
    assert soft(machines[-1], POLICY) == (2, 3)


def test_hold_keeps_a_problem_soft_until_it_has_lasted() -> None:
    policy = replace(POLICY, hold=45.0)
    machines, transitions = feed([OK, *[DOWN] * 6], policy)
    assert [one.hard for one in machines] == [OK] * 6 + [DOWN]  # seen from 10 s to 60 s: 50 s
    assert soft(machines[5], policy) == (3, 3)
    assert transitions[6] is not None
    assert transitions[6].since == at(1)


def test_hold_is_waited_for_from_the_very_first_result_too() -> None:
    policy = replace(POLICY, hold=25.0)
    machines, transitions = feed([DOWN, DOWN, DOWN, DOWN], policy)
    assert [one.hard for one in machines] == [PENDING, PENDING, PENDING, DOWN]
    assert transitions[3] == Transition(old=PENDING, new=DOWN, at=at(3), since=START)
    machines, transitions = feed([DOWN, OK], policy)
    assert machines[1].hard == OK
    assert transitions[1] == Transition(old=PENDING, new=OK, at=at(1), since=at(1))


def test_hold_survives_a_reboot() -> None:
    policy = replace(POLICY, hold=30.0, fail_threshold=1)
    machine, _ = step(Machine(), Result(state=OK), START, 9000, policy)
    machine, _ = step(machine, Result(state=DOWN), at(1), 9010, policy)
    machine, _ = step(machine, Result(state=DOWN), at(2), 5, policy)  # CLOCK_BOOTTIME began again
    assert machine.hard == OK
    machine, _ = step(machine, Result(state=DOWN), at(5), 36, policy)
    assert machine.hard == DOWN


def test_recover_when_holds_a_problem() -> None:
    machine, _ = step(Machine(), Result(state=DOWN), START, 0, POLICY)
    for position in range(1, 5):
        machine, _ = step(machine, Result(state=OK, recovered=False), at(position), 10.0 * position, POLICY)
    assert machine.hard == DOWN
    assert machine.since == START
    for position in (5, 6):
        machine, _ = step(machine, Result(state=OK), at(position), 10.0 * position, POLICY)
    assert machine.hard == OK


states = st.lists(st.sampled_from([OK, DEGRADED, DOWN, UNKNOWN]), min_size=1, max_size=60)
policies = st.builds(
    Policy, fail_threshold=st.integers(1, 4), recover_threshold=st.integers(1, 4), interval=st.just(10.0)
)


@given(states, policies)
def test_a_hard_state_changes_only_after_enough_in_a_row(raws: list[str], policy: Policy) -> None:
    machines, transitions = feed(raws, policy)
    for position in range(1, len(raws)):
        before, after, transition = machines[position - 1], machines[position], transitions[position]
        assert (transition is not None) == (before.hard != after.hard)
        if transition is None:
            assert after.since == before.since
            continue
        needed = policy.recover_threshold if after.hard == OK else policy.fail_threshold
        run = raws[position - needed + 1 : position + 1]
        assert len(run) == needed
        assert after.hard == raws[position]
        assert before.hard not in run
        assert all((one == OK) == (after.hard == OK) for one in run)
        if before.hard in BAD and after.hard in BAD:
            assert after.since == before.since
        else:
            assert after.since == at(position - needed + 1)


@given(states, policies)
def test_enough_in_a_row_always_changes_it(raws: list[str], policy: Policy) -> None:
    machines, _ = feed([*raws, *[DOWN] * policy.fail_threshold], policy)
    assert machines[-1].hard == DOWN
    machines, _ = feed([*raws, *[OK] * policy.recover_threshold], policy)
    assert machines[-1].hard == OK


@given(states, policies)
def test_the_start_of_a_state_is_never_after_its_last_result(raws: list[str], policy: Policy) -> None:
    machines, _ = feed(raws, policy)
    for machine in machines:
        assert machine.since is not None and machine.last_at is not None and machine.since <= machine.last_at
        seen = soft(machine, policy)
        assert seen is None or 1 <= seen[0] <= seen[1]
        assert len(machine.ring) <= RING


@given(st.text(alphabet="ODGU", max_size=RING))
def test_flap_percentage_is_nagios_formula(ring: str) -> None:
    changes = [a != b for a, b in pairwise(ring)]
    if len(ring) < RING:
        assert flap_percent(ring) == 0
        return
    expected = 0.0
    for i, changed in enumerate(changes, start=1):  # i=1 the oldest, 20 the newest
        expected += (0.75 + 0.5 * (i - 1) / 19) * changed
    assert abs(flap_percent(ring) - 100 * expected / 20) < 1e-9


def test_flapping_begins_high_and_ends_low() -> None:
    machines, _ = feed([OK, DOWN] * 11)
    assert flap_percent("OD" * 10 + "O") == 100
    assert not machines[19].flapping
    assert machines[20].flapping  # the ring is full
    calm, _ = feed([OK, DOWN] * 11 + [OK] * 30)
    assert not calm[-1].flapping
    ends = next(i for i in range(22, 52) if not calm[i].flapping)
    assert flap_percent(calm[ends].ring) <= 20 < flap_percent(calm[ends - 1].ring)


def test_overlays_tell_stale_from_fresh() -> None:
    machines, _ = feed([OK])
    assert overlays(machines[0], POLICY, 22) == ()
    assert overlays(machines[0], POLICY, 22.1) == (STALE,)
    assert overlays(machines[0], POLICY, -5) == (STALE,)  # after a reboot
    assert overlays(replace(machines[0], flapping=True), POLICY, 0, extra=("ACKED",)) == (FLAPPING, "ACKED")
    assert overlays(Machine(), POLICY, 1e9) == ()  # no result yet: pending, not stale


def test_a_snapshot_grows_old_without_its_writer() -> None:
    check = CheckState(service="a", name="b", kind="http", state=OK, last_at=START, interval_s=10, timeout_s=2)
    snapshot = StatusSnapshot(taken_at=START + timedelta(seconds=1), checks=(check,))
    assert aged(snapshot, 20) is snapshot
    old = aged(snapshot, 22)
    assert old.checks[0].stale
    assert old.overall == STALE
    assert aged(old, 23) is old


def test_failing_of_counts_the_newest() -> None:
    assert failing_of("") == (0, 0)
    assert failing_of("OOD") == (1, 3)
    assert failing_of("O" * 10 + "DGUOD") == (4, 5)
