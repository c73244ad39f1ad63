"""What the status list shows of its entries: filtered, sorted, in groups, its order held while somebody works in it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from heapq import nlargest
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from screens.status_entries import HANDLED, OK, SAID_APART, Entry, Group, urgency

if TYPE_CHECKING:
    from console.snapshot import AlertGroup
    from console.status_filter import Filter

FOLD: Final = "$ok"  # key of the row that stands for the healthy
HINT: Final = "$hint"  # key of the row that says how to add services
GROUP_FROM: Final = 60  # rows from which on they are shown in groups by themselves
_STATES: Final = ("DOWN", "UNKNOWN", "STALE", "DEGRADED", "SOFT", "PENDING", "INFO", "OK")


def _newest(entry: Entry) -> Any:
    return (-entry.since.timestamp() if entry.since is not None else 0.0, entry.order)


def _slowest(entry: Entry) -> Any:
    check = entry.check
    return (-(check.p95_ms or check.latency_ms or 0.0) if check is not None else 1.0, entry.order)


# How the list may be sorted, by name; the first one unless somebody chooses.
SORTS: Final[Mapping[str, Callable[[Entry], Any]]] = {
    "worst": lambda entry: entry.order,
    "newest": _newest,
    "name": lambda entry: (entry.name, entry.order),
    "slowest": _slowest,
}


class Wanted(Struct, frozen=True):
    """What the list should show."""

    filter: Filter | None = None
    problems: bool = False  # nothing else
    unfolded: bool = False  # the healthy, too
    sort: str = "worst"
    grouped: bool | None = None  # None: when there are many
    inside: str = ""  # key of the group that is open
    held: View | None = None  # the rows shown before keep their places; what is new is counted, not shown


@dataclass(frozen=True)
class View:
    """What the list shows now: rows by key in their order, and what it leaves out."""

    keys: tuple[str, ...]
    entries: Mapping[str, Entry]
    new: int = 0  # arrived while the order was held, not shown yet
    hidden_critical: int = 0  # left out by the filter
    hidden_foreign: int = 0  # of these, alerts of other systems
    healthy: int = 0  # folded away
    fitting: int = 0  # entries that are shown, or stand in a group that is
    fitting_foreign: int = 0  # of these, alerts of other systems
    total: int = 0
    grouped: bool = False
    shared: frozenset[tuple[str, str]] = frozenset()  # labels of every alert that is shown: said once, below
    _handlings: dict[bool, frozenset[Any]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def longest(self) -> tuple[str, ...]:
        """The longest names, by characters: only these are measured in cells."""
        return tuple(nlargest(8, (entry.name for entry in self.entries.values()), len))


def view(
    found: Sequence[Entry], wanted: Wanted, now: datetime, groups: Iterable[AlertGroup] = (), *, unread: int = 0
) -> View:
    """The list of *found*, which stands in the order of "worst". *groups* are all alerts of other systems by name, of which
    *unread* are not in *found*."""
    held, filter = wanted.held, wanted.filter
    fits = filter.matcher(now) if filter else None
    shown: list[Entry] = []
    healthy = hidden = foreign = total = 0
    for entry in found:
        if wanted.inside and entry.family != wanted.inside:
            continue
        total += 1
        if fits is not None and not fits(entry):
            hidden += entry.critical
            foreign += entry.critical and entry.check is None
            continue
        if entry.rank == OK and fits is None and not wanted.unfolded and not wanted.inside:
            healthy += 1
            continue
        if wanted.problems and not entry.problem:
            continue
        shown.append(entry)
    fitting, fitting_foreign = len(shown), sum(entry.check is None for entry in shown)
    whole = () if fits is not None or wanted.inside else tuple(group for group in groups if group.count > 1)
    grouped = _grouped(wanted, len(shown), unread)
    if grouped:
        shown = _in_groups(shown, {f"$alert:{group.name}": group for group in whole}, held)
    if wanted.sort != "worst" or grouped:
        shown.sort(key=SORTS[wanted.sort])
    by_key = {entry.key: entry for entry in shown}
    new = 0
    if held is None:
        keys = [entry.key for entry in shown]
    else:
        everything = {entry.key: entry for entry in found}
        keys = [key for key in held.keys if key not in (FOLD, HINT)]
        for key in keys:
            if key not in by_key:  # better now, or gone: it keeps its place until the order is taken up again
                by_key[key] = everything.get(key) or replace(held.entries[key], gone=True)
        if not wanted.unfolded and not wanted.inside and fits is None:
            healthy -= sum(1 for key in keys if key in everything and everything[key].rank == OK)
        new = sum(1 for entry in shown if entry.key not in held.entries)
    if wanted.inside:
        unread = max(next((group.count for group in groups if f"$alert:{group.name}" == wanted.inside), 0) - total, 0)
    return View(
        tuple(keys),
        by_key,
        new,
        hidden,
        foreign,
        max(healthy, 0),
        fitting,
        fitting_foreign,
        total + unread,
        grouped,
        shared_labels(by_key.values()),
    )


def _grouped(wanted: Wanted, rows: int, unread: int) -> bool:
    if wanted.inside:
        return False
    if wanted.grouped is not None:
        return wanted.grouped
    if wanted.held is not None:
        return wanted.held.grouped  # nothing moves under somebody's hands
    return rows > GROUP_FROM or unread > 0


def _in_groups(shown: Sequence[Entry], whole: Mapping[str, AlertGroup], held: View | None) -> list[Entry]:
    families: dict[str, list[Entry]] = {}
    for entry in shown:
        families.setdefault(entry.family, []).append(entry)
    found: list[Entry] = []
    for key, members in families.items():
        group = whole.get(key)
        if len(members) == 1 and group is None and (held is None or key not in held.entries):
            found += members
        else:
            found.append(_group(key, members, group))
    return [*found, *(_group(key, [], group) for key, group in whole.items() if key not in families)]


def _group(key: str, members: Sequence[Entry], group: AlertGroup | None) -> Entry:
    name = key.partition(":")[2]
    count = max(len(members), group.count if group is not None else 0)
    if members:
        worst = min(members, key=lambda entry: entry.order)
        state, rank, since = worst.state, worst.rank, worst.since
        severity = worst.severity
    elif group is not None:
        state, rank = urgency(group.severity, group.level)
        rank, since, severity = (rank if group.unhandled else HANDLED), group.newest, group.severity
    else:
        raise ValueError(key)
    whole = count == len(members)
    common = dict(sorted(shared(members))) if whole else {}
    words = counts(members)
    if group is not None and not whole:  # the others are known by number only
        words = f"{group.unhandled:,} unhandled" if group.unhandled else "all handled"
    parts = [words]
    if members and worst.check is not None:
        parts.append(worst.detail)
    elif members and worst.alert is not None:
        parts += [f"{label}={value}" for label, value in common.items() if label not in SAID_APART]
        summary = worst.alert.annotations.get("summary", "")
        parts += [f"newest: {summary}"] if summary else []
    return Entry(
        key=key,
        name=name,
        detail="  ".join(part for part in parts if part),
        state=state,
        rank=rank,
        since=since,
        severity=severity,
        group=Group(count, words, common if key.startswith("$service:") else {"alertname": name, **common}),
    )


def counts(members: Iterable[Entry]) -> str:
    """``2 DOWN, 1 DEGRADED, 4 handled``: how many are in which state."""
    found = Counter("handled" if entry.rank == HANDLED else entry.state for entry in members)
    return ", ".join(f"{found[state]:,} {state}" for state in (*_STATES, "handled") if found[state])


def shared(members: Iterable[Entry]) -> frozenset[tuple[str, str]]:
    """The labels that all *members* have, with the same value."""
    common: frozenset[tuple[str, str]] | None = None
    for entry in members:
        mine = entry.labels.items()
        common = frozenset(mine) if common is None else common.intersection(mine)
        if not common:
            break
    return common or frozenset()


def shared_labels(rows: Iterable[Entry]) -> frozenset[tuple[str, str]]:
    """What two or more alerts of other systems, all that are shown, have in common: said once instead of on each row."""
    alerts = [entry for entry in rows if entry.check is None and entry.alert is not None and not entry.gone]
    if len(alerts) < 2:
        return frozenset()
    return frozenset(label for label in shared(alerts) if label[0] not in SAID_APART)
