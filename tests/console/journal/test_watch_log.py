"""The history of one check among those of thousands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from console.clock import FixedClock
from console.journal import watch_log
from console.journal.events import Acknowledged, AlertRaised, CheckChanged, Declared, New
from console.journal.store import Journal


def _changed(service: str, new: str, number: int) -> New:
    body = CheckChanged(service=service, check="http", kind="http", old="OK", new=new)
    return New(body=body, dedupe=f"check:{service}/http:{new}:{number}")


def test_the_newest_of_one_among_many(opened: Callable[..., Journal], clock: FixedClock) -> None:
    journal = opened()
    start = clock.now()
    for number in range(6):
        clock.advance(60)
        journal.append_watch([_changed(f"other{one}", "DOWN", number) for one in range(150)])
        journal.append_watch([_changed("mine", "DOWN", number), _changed("mine2", "DOWN", number)])
    journal.declare([New(body=Declared(title="mine"))])
    found = watch_log.about(journal, ["check:mine/http"], start=start, end=clock.now())
    assert [event.body.service for event in found if isinstance(event.body, CheckChanged)] == ["mine"] * 6
    assert [event.occurred_at for event in found] == sorted(event.occurred_at for event in found)
    late = watch_log.about(journal, ["check:mine/http"], start=clock.now() - timedelta(seconds=90), end=clock.now())
    assert len(late) == 2


def test_an_alert_with_who_saw_it(opened: Callable[..., Journal], clock: FixedClock) -> None:
    journal = opened()
    start = clock.now()
    for mark in ("00aa", "00ab"):
        raised = AlertRaised(fingerprint=mark, name="QueueDeep", starts_at=start)
        seen = Acknowledged(fingerprint=mark, name="QueueDeep", starts_at=start, reason="mine")
        journal.append_watch([New(body=raised, dedupe=f"raised:{mark}:1"), New(body=seen)])
    found = watch_log.about(journal, ["raised:00aa", "resolved:00aa"], "00aa", start=start, end=clock.now())
    assert [type(event.body).__name__ for event in found] == ["AlertRaised", "Acknowledged"]
