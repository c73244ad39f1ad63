"""Two runbooks, and how the tests of the Runbook screen go about in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual import events

from console.incident import actions as incidents
from console.runbook import actions as runs
from console.runbook.library import load_library

BOOK = """---
title: The feed is silent
match: {alertname: FeedSilent}
owner: team-feed
---

# The feed is silent

## Symptoms

- No quote for a minute; the page shows old prices.

## Diagnosis

1. Ask the feed for its age

   The age is in seconds. Above sixty it is stale.

   ```bash
   echo "age of <host> is 7"
   ```

   Expected: an age under 60.

2. Write down what the market shows

3. Follow its log

   ```bash
   echo begun; while true; do sleep 0.2; done
   ```

## Mitigation

1. Throw the old data away

   ```bash
   rm -rf ./cache-of-<host>
   ```

2. If prices move again, stop here; otherwise call the market desk.

3. Ask with the token

   ```bash
   test -n "$FEED_TOKEN" && echo token works
   ```

## Rollback

1. Put the old data back

   ```bash
   echo back again
   ```

## Escalation

After 15 minutes call the market desk.
"""

OTHER = """# The queue is long

## Actions

1. Count what waits

   ```bash
   echo 12 wait
   ```
"""


def declared(console: Any, labels: dict[str, str] | None = None) -> str:
    stream: str = console.declare(incidents.declare("the feed is silent", severity="SEV2", labels=labels))
    return stream


def started(console: Any, stream: str, books: Path, name: str = "The feed is silent", **values: str) -> str:
    """Another operator starts a run; its id."""
    entry = load_library([books], shipped=False).get(name)
    assert entry is not None
    with console.journal() as journal:
        news = runs.start_run(entry.runbook, values)
        runs.append(journal, stream, news)
    return str(news[0].body.run)


def room(console: Any) -> Any:
    return console.app.bridge.rooms["runbook"]


def following(console: Any) -> Any:
    return room(console).following


async def opened(console: Any) -> Any:
    """The Runbook screen with the run that there is."""
    await console.until(lambda: console.app.desk.incident is not None)
    await console.press("3")
    await console.until(lambda: following(console).view is not None and following(console).table.key, "the run")
    return following(console)


async def answer(console: Any) -> None:
    """Answer as a terminal does: for every question, in order."""
    arming = following(console).arming
    await console.until(lambda: arming.is_framed, "the frame")
    for row, column in list(arming._asked):
        console.app.post_message(events.CursorPosition(column - 1, row - 1))
    await console.pilot.pause()


async def answer_foot(console: Any) -> None:
    """The same for a question in the prompt line."""
    foot = console.app.bridge.foot
    if foot._arming is not None:
        await console.until(lambda: foot._arming.is_framed, "the frame")
        for row, column in list(foot._arming._asked):
            console.app.post_message(events.CursorPosition(column - 1, row - 1))
        await console.pilot.pause()


async def at_step(console: Any, number: str) -> None:
    view = following(console)
    step = view._looking.numbers.find(number)
    assert step, number
    view.go_to(step)
    await console.until(lambda: view.table.key == step)
    await console.pilot.pause()


def recorded(console: Any, stream: str) -> list[tuple[str, str]]:
    with console.journal() as journal:
        return [(event.kind, event.actor) for event in journal.all(stream)]
