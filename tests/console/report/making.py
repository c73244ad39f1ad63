"""An incident in a real journal, with a clock that stands where it is put."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from console.clock import FixedClock
from console.incident import actions
from console.journal.events import CommandFinished, CommandStarted, New, Origin
from console.journal.store import Journal

START = datetime(2024, 3, 10, 23, 50, tzinfo=UTC)
HOSTILE = "\x1b]0;x\x07 <script>alert(1)</script> [a](javascript:x) `tick` | pipe *b* \u202e # not a heading"


@contextmanager
def opened(path: Path, actor: str = "ann", at: datetime = START) -> Iterator[tuple[Journal, FixedClock]]:
    """A journal written by *actor* whose clock starts at *at*."""
    clock = FixedClock(at)
    with Journal.open(path, actor=actor, origin=Origin(program="cli", host="bastion"), clock=clock) as journal:
        yield journal, clock


def told(path: Path) -> str:
    """A story with one of everything; returns its stream."""
    with opened(path) as (journal, clock):
        stream, _, _ = journal.declare(
            actions.declare(
                "Checkout fails", severity="SEV2", services=["checkout"], impact_start=START - timedelta(minutes=8)
            )
        )

        def say(*news: New, minutes: float = 1) -> list[str]:
            clock.advance(minutes * 60)
            return [event.id for event in journal.append(stream, list(news))]

        say(actions.set_role("ic", "ann"), actions.set_role("ops", "bob"))
        say(actions.mark("detected", at=START - timedelta(minutes=6), precision="minute", text="Pager"))
        (wrong,) = say(actions.note("the databse is slow", kind="finding"))
        say(actions.revise(wrong, text="the database is slow"))
        (decision,) = say(actions.note("Fail over to the west", kind="decision", starred=True))
        (secret,) = say(actions.note("password is hunter2"))
        say(actions.note(HOSTILE, kind="finding", tags=["lucky"]))
        say(actions.note("only for us: @bob broke it", tags=["private"]))
        say(actions.note("went\n```\nbadly\n````\n", tags=["bad"]))
        say(actions.note("who changed it", question=True))
        say(actions.note("", evidence="systemctl status api"))
        say(actions.open_task("check the replica", owner="bob", check_back_ms=600_000, task="t1"))
        say(actions.note("status page says degraded", kind="comms"))
        (undone,) = say(actions.note("never happened", kind="finding"))
        say(actions.undo(undone, "wrong incident"))
        started = CommandStarted(
            command="c1", text="cat /var/log/api", host="db-7", user="bob", cwd="/srv", title="Look"
        )
        say(New(body=started))
        output = "".join(f"line {n} ```` <b>\n" for n in range(40))
        finished = CommandFinished(
            command="c1", exit_code=3, duration_ms=1500, sha256="ab" * 32, size=900, kept=600, head=output, tail="end"
        )
        say(New(body=finished))
        say(
            actions.mark("mitigated", at=START - timedelta(minutes=1), precision="approx", text="West serves"),
            minutes=30,
        )
        clock.advance(60)
        journal.redact(secret, "a secret")
        say(actions.star(decision), actions.set_summary("We failed over.\n\n# It held."))
        say(actions.mark("resolved"), actions.mark("impact_end"), minutes=60)
        say(actions.close(*journal.head(stream)))
    return stream
