"""What the person at the other end of a link sees, while it happens. For slow links: a model in Python is fast enough there."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.bench._tty import Meter
from tests.e2e.screen_model import ScreenModel


class Eyes:
    """The screen of *meter* as far as it has come."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.model = ScreenModel(*meter.size, mute=True)
        self._fed = 0

    def until(self, pattern: str, timeout: float, *, gone: str = "") -> float | None:
        """Read until *pattern* is on the screen (and *gone* is not); when it came, None when it did not in time."""
        wanted, unwanted = re.compile(pattern, re.MULTILINE), re.compile(gone) if gone else None
        return self.when(
            lambda text: bool(wanted.search(text)) and not (unwanted is not None and unwanted.search(text)), timeout
        )

    def when(self, holds: Callable[[str], bool], timeout: float) -> float | None:
        """Read until *holds(screen)*; when that was, None when it was not in time."""
        found: float | None = self._look(holds)

        def enough() -> bool:
            nonlocal found
            if found is None:
                found = self._look(holds)
            return found is not None

        self.meter.pump(enough, timeout)
        return found

    def text(self) -> str:
        """The screen now."""
        self._look(lambda _: False)
        return self.model.text()

    def _look(self, holds: Callable[[str], bool]) -> float | None:
        new = self._fed < len(self.meter.chunks)
        while self._fed < len(self.meter.chunks):
            at, data = self.meter.chunks[self._fed]
            self._fed += 1
            self.model.feed(data)
            if self._fed == len(self.meter.chunks) and holds(self.model.text()):
                return at
        if not new and holds(self.model.text()):
            return self.meter.now()
        return None
