"""Tern, a small house that forecasts tides: four processes that work, and break, together.

``feed`` writes buoy readings to a volume; a debug capture that somebody left on fills it, and a full volume halts the
feed. ``api`` makes forecasts from the latest readings and refuses once they are old, so its error rate climbs.
``customers`` ask it all the time. ``storage`` says how full the volume is. Nothing gets well by itself: the capture has
to be switched off *and* its files removed *and* the feed resumed. Run as ``python -m console.demo.services NAME SETTING``.
"""

from __future__ import annotations

import math
import random
import sys
from collections import deque
from typing import Final

from console.demo import volume
from console.demo.service import Answer, Routes, Service, Setting, call, main

# All in simulated seconds.
CAPTURE_FROM: Final = 20.0  # when somebody switches the capture on; a seed moves it a little
CAPTURE_BYTES: Final = 48_000  # a second
READINGS_KEPT: Final = 30
STALE_AFTER: Final = 30.0  # a feed's readings older than this are stale
REFUSE_AFTER: Final = 40.0  # a forecast needs readings younger than this
WINDOW: Final = 40.0  # over which the API counts errors


class Feed(Service):
    """Readings from the buoys, once a second, each a file on the volume."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.random = random.Random(setting.seed)  # noqa: S311 - tides, not secrets
        self.sequence = 0
        self.last = 0.0
        self.tide = 0.0
        self.capture = False
        self.capture_from = CAPTURE_FROM + self.random.uniform(0, 5)
        self.captures = 0
        self.error = ""
        ballast = self.random.randbytes(1000) * 1100
        (self.folder / "archive.tar").write_bytes(ballast)

    def routes(self) -> Routes:
        return {
            ("GET", "/health"): self.health,
            ("GET", "/readings"): self.health,
            ("POST", "/capture/on"): lambda: self.switch(True),
            ("POST", "/capture/off"): lambda: self.switch(False),
            ("POST", "/resume"): self.resume,
        }

    def health(self) -> Answer:
        age = round(self.clock.now() - self.last, 1)
        status = "HALTED" if self.error else "UP" if age < STALE_AFTER else "STALE"
        body = {
            "status": status,
            "age_s": age,
            "sequence": self.sequence,
            "tide_m": self.tide,
            "capture": "on" if self.capture else "off",
            "error": self.error,
        }
        return (200 if age < STALE_AFTER else 503), body

    def switch(self, on: bool) -> Answer:
        self.capture, self.capture_from = on, math.inf
        return 200, {"capture": "on" if on else "off"}

    def resume(self) -> Answer:
        full = volume.used_percent(self.folder)
        if full > 90:
            return 409, {"error": f"not resumed: the readings volume is {full} % full", "status": "HALTED"}
        self.error = ""
        return 200, {"status": "resumed", "volume_used_percent": full}

    def work(self) -> None:
        with self.lock:
            now = self.clock.now()
            if now >= self.capture_from:
                self.switch(True)
            if self.capture:
                self._capture()
            if not self.error:
                self._read(now)

    def _capture(self) -> None:
        try:
            volume.write(
                self.folder,
                f"capture-{self.captures + 1:05}.bin",
                self.random.randbytes(1000) * (CAPTURE_BYTES // 1000),
            )
            self.captures += 1
        except OSError:
            pass  # nobody looks at a debug capture's errors: that is how this began

    def _read(self, now: float) -> None:
        self.tide = round(2.1 * math.sin(now / 90) + self.random.gauss(0, 0.05), 2)
        try:
            volume.write(self.folder, f"readings-{self.sequence + 1:06}.json", b'{"tide_m": %.2f}\n' % self.tide * 400)
        except OSError as error:
            self.error = f"halted: {error.strerror} on the readings volume"
            return
        self.sequence += 1
        self.last = now
        (self.folder / f"readings-{self.sequence - READINGS_KEPT:06}.json").unlink(missing_ok=True)


class Storage(Service):
    """How full the readings volume is."""

    def routes(self) -> Routes:
        return {("GET", "/volume"): self.volume}

    def volume(self) -> Answer:
        bytes_used = volume.used(self.folder)
        return 200, {
            "used_percent": volume.used_percent(self.folder),
            "used_kb": bytes_used // 1000,
            "size_kb": volume.QUOTA // 1000,
            "files": sum(1 for _ in self.folder.iterdir()),
        }


class Api(Service):
    """Forecasts out of the latest readings."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.asked: deque[tuple[float, bool]] = deque()  # (when, whether it failed)
        self.reading: tuple[float, float] | None = None  # (when it was made, tide)
        self.error = "no readings yet"

    def routes(self) -> Routes:
        return {
            ("GET", "/forecast"): self.forecast,
            ("GET", "/health"): self.health,
            ("POST", "/restart"): self.restart,
        }

    def forecast(self) -> Answer:
        now = self.clock.now()
        age = math.inf if self.reading is None else now - self.reading[0]
        failed = age > REFUSE_AFTER
        self.asked.append((now, failed))
        self._forget(now)
        if failed or self.reading is None:
            self.error = f"readings are {age:.0f} s old, refusing to forecast" if self.reading else "no readings yet"
            return 503, {"error": self.error}
        return 200, {"tide_m": self.reading[1], "age_s": round(age, 1)}

    def health(self) -> Answer:
        self._forget(self.clock.now())
        failed = sum(failed for _, failed in self.asked)
        percent = round(100 * failed / len(self.asked), 1) if self.asked else 0.0
        return 200, {
            "error_percent": percent,
            "requests": len(self.asked),
            "failed": failed,
            "last_error": self.error if failed else "",
        }

    def restart(self) -> Answer:
        self.asked.clear()
        return 200, {"status": "restarted", "note": "counters cleared, readings are read again from the feed"}

    def _forget(self, now: float) -> None:
        while self.asked and self.asked[0][0] < now - WINDOW:
            self.asked.popleft()

    def work(self) -> None:
        status, body = call(self.setting.ports["feed"], "GET", "/readings")
        with self.lock:
            if status and body.get("sequence"):
                self.reading = (self.clock.now() - float(body["age_s"]), float(body["tide_m"]))


class Customers(Service):
    """They ask for forecasts, now and then more of them."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.random = random.Random(setting.seed + 1)  # noqa: S311 - a load, not a secret

    def work(self) -> None:
        call(self.setting.ports["api"], "GET", "/forecast")

    def pause(self) -> float:
        return self.random.expovariate(1.0)


SERVICES: Final[dict[str, type[Service]]] = {"storage": Storage, "feed": Feed, "api": Api, "customers": Customers}

if __name__ == "__main__":
    main(SERVICES, sys.argv)
