"""What the demo's services have in common: a real HTTP server on a loopback port, JSON answers, simulated seconds."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, TypeAlias

from msgspec import Struct

from console.demo import lifeline

Answer: TypeAlias = tuple[int, Mapping[str, Any]]  # status, JSON body
Routes: TypeAlias = Mapping[tuple[str, str], Callable[[], Answer]]  # (method, path) → what answers it
_LOOPBACK: Final = "127.0.0.1"


class Setting(Struct, frozen=True, kw_only=True):
    """What every service is told at its start, as JSON in its one argument."""

    folder: str  # of the volume
    speed: float  # simulated seconds in a real one
    seed: int
    ports: dict[str, int] = {}  # of the services that were started before it


class SimulatedClock:
    """Seconds that pass *speed* times as fast."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start = time.monotonic()

    def now(self) -> float:
        """Simulated seconds since the start."""
        return (time.monotonic() - self._start) * self._speed

    def sleep(self, seconds: float) -> None:
        """Sleep for simulated *seconds*."""
        time.sleep(seconds / self._speed)


class Service:
    """One simulated service: its state, its routes, and what it does all the time."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.folder = Path(setting.folder)
        self.clock = SimulatedClock(setting.speed)
        self.lock = threading.Lock()

    def routes(self) -> Routes:
        """What it answers; called with :attr:`lock` held."""
        return {}

    def work(self) -> None:
        """One turn of what it does all the time."""

    def pause(self) -> float:
        """Simulated seconds between two turns."""
        return 1.0

    def run(self) -> None:
        """Serve until the process is told to end; prints the port first."""
        server = ThreadingHTTPServer((_LOOPBACK, 0), _handler(self))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        while True:
            self.work()
            self.clock.sleep(self.pause())


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer()

        def _answer(self) -> None:
            with service.lock:
                route = service.routes().get((self.command, self.path))
                status, body = route() if route else (404, {"error": f"no {self.command} {self.path} here"})
            data = json.dumps(body).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def call(port: int, method: str, path: str, timeout: float = 5.0) -> Answer:
    """Ask a service; ``(0, {"error": …})`` when it does not answer."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(_LOOPBACK, port, timeout=timeout)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        body = json.loads(response.read())
        return response.status, body if isinstance(body, dict) else {"answer": body}
    except (OSError, HTTPException, ValueError) as error:
        return 0, {"error": f"no answer on port {port}: {error}"}
    finally:
        connection.close()


def main(services: Mapping[str, type[Service]], argv: list[str]) -> None:
    """Run the service that ``argv[1]`` names with the :class:`Setting` in ``argv[2]``."""
    import msgspec

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is for the one in front
    lifeline.hold()
    services[argv[1]](msgspec.json.decode(argv[2], type=Setting)).run()
