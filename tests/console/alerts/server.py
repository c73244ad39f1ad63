"""Real servers on loopback ports of their own: Prometheus, Alertmanager, exporters. They can be killed and started again."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode

import pytest
import yaml

from tests.tools.servers import MISSING, ROOT, environment, require

_TEMPLATES: Final = Path(
    "/usr/share/prometheus/alertmanager"
)  # Debian's Alertmanager reads them there and nowhere else
# In a mount namespace of its own the unpacked package's templates stand where the program looks for them.
_WITH_TEMPLATES: Final = (
    f'mount -t tmpfs vigie /usr/share && mkdir /usr/share/prometheus && ln -s "$TEMPLATES" {_TEMPLATES} && exec "$@"'
)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class _Server:
    """Runs while the context is open, or between :meth:`start` and :meth:`stop`; *folder* takes all its files."""

    ready = "/-/ready"

    def __init__(self, folder: Path, log: str) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._log = folder / log
        self._process: subprocess.Popen[bytes] | None = None

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _environment(self) -> Mapping[str, str]:
        return environment()

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._command(), env=self._environment(), stdout=output, stderr=output)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(self.address + self.ready, timeout=2):
                    return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise AssertionError(self._log.read_text()[-2000:])

    def stop(self, *, kill: bool = False) -> None:
        """End it; *kill*: with no time to say anything to anybody."""
        process, self._process = self._process, None
        if process is not None:
            if kill:
                process.kill()
            else:
                process.terminate()
            process.wait(20)

    def get(self, path: str) -> Any:
        """What it answers to *path*."""
        with urllib.request.urlopen(self.address + path, timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any = None) -> int:
        """Send *body* as JSON; the status of the answer."""
        data = b"" if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.address + path, data=data, headers={"content-type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Prometheus(_Server):
    """A real Prometheus."""

    def __init__(
        self, config: Mapping[str, Any], folder: Path, *, data: Path | None = None, options: Sequence[str] = ()
    ) -> None:
        super().__init__(folder, "prometheus.log")
        self._data = data or folder / "data"
        self._options = list(options)
        self.configure(config)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write its configuration; a running server keeps the old one until it is told to reload."""
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(dict(config)))

    def _command(self) -> list[str]:
        return [
            str(require("prometheus")),
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._data}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            *self._options,
        ]


class Alertmanager(_Server):
    """A real Alertmanager. *peers*: ``cluster_address`` of others, with whom it shares silences."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any] | None = None,
        *,
        clustered: bool = False,
        peers: Sequence[str] = (),
        options: Sequence[str] = (),
    ) -> None:
        folder.mkdir(exist_ok=True)
        super().__init__(folder, "alertmanager.log")
        self.cluster_address = f"127.0.0.1:{free_port()}" if clustered or peers else ""
        self._peers = list(peers)
        self._options = list(options)
        (folder / "alertmanager.yml").write_text(
            yaml.safe_dump({"route": {"receiver": "none"}, "receivers": [{"name": "none"}], **(config or {})})
        )

    def _command(self) -> list[str]:
        return [
            *_launcher(),
            str(require("prometheus-alertmanager")),
            f"--config.file={self._folder / 'alertmanager.yml'}",
            f"--storage.path={self._folder / 'alertmanager-data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--cluster.listen-address={self.cluster_address}",
            *(f"--cluster.peer={peer}" for peer in self._peers),
            *self._options,
        ]

    def _environment(self) -> Mapping[str, str]:
        return {**environment(), "TEMPLATES": str(ROOT / "usr/share/prometheus/alertmanager")}

    def fire(self, *labels: Mapping[str, str], seconds: float = 3600, **annotations: str) -> None:
        """Alerts that fire from now on, for *seconds* if nobody sends them again."""
        now = datetime.now(UTC)
        self._send(labels, now + timedelta(seconds=seconds), annotations, startsAt=now.isoformat())

    def resolve(self, *labels: Mapping[str, str]) -> None:
        """These alerts are over: their sender says so."""
        self._send(labels, datetime.now(UTC), {})

    def _send(
        self, labels: Sequence[Mapping[str, str]], ends: datetime, annotations: Mapping[str, str], **more: str
    ) -> None:
        alerts = [
            {"labels": dict(one), "annotations": dict(annotations), "endsAt": ends.isoformat(), **more}
            for one in labels
        ]
        assert self.post("/api/v2/alerts", alerts) == 200


class NodeExporter(_Server):
    """A real node exporter: this machine's load, and what a test writes into its text file."""

    ready = "/"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "node-exporter.log")
        self._texts = folder / "texts"
        self._texts.mkdir()

    def write(self, text: str) -> None:
        """What it shows beside the load from now on; the move is atomic, as it wants it."""
        fresh = self._texts / "test.prom.new"
        fresh.write_text(text)
        fresh.rename(self._texts / "test.prom")

    def _command(self) -> list[str]:
        return [
            str(require("prometheus-node-exporter")),
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--collector.disable-defaults",
            "--collector.loadavg",
            "--collector.textfile",
            f"--collector.textfile.directory={self._texts}",
        ]


class BlackboxExporter(_Server):
    """A real blackbox exporter with one module, ``web``: an HTTP request that must be answered with 2xx."""

    ready = "/-/healthy"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "blackbox-exporter.log")
        self._config = folder / "blackbox.yml"
        web = {"prober": "http", "timeout": "2s", "http": {"preferred_ip_protocol": "ip4"}}
        self._config.write_text(yaml.safe_dump({"modules": {"web": web}}))

    def probe(self, target: str) -> str:
        """Where it says how *target* is."""
        return f"{self.address}/probe?{urlencode({'module': 'web', 'target': target})}"

    def _command(self) -> list[str]:
        return [
            str(require("prometheus-blackbox-exporter")),
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--config.file={self._config}",
        ]


@cache
def _launcher() -> tuple[str, ...]:
    """What to put before Alertmanager's command line so that it finds its templates."""
    if (_TEMPLATES / "default.tmpl").exists():
        return ()
    unshare = shutil.which("unshare", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/bin"]))
    trial = None
    if unshare is not None:
        trial = subprocess.run([unshare, "-rm", "sh", "-c", "mount -t tmpfs vigie /usr/share"], capture_output=True)
    if unshare is None or trial is None or trial.returncode:
        pytest.skip(
            f"{MISSING}prometheus-alertmanager (its templates are not installed, and no namespace is to be had)"
        )
    return (unshare, "-rm", "sh", "-c", _WITH_TEMPLATES, "sh")


def eventually(what: Callable[[], Any], seconds: float = 30) -> Any:
    """The first truthy answer of *what*; fails after *seconds*."""
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
