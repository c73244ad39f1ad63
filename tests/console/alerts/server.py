"""A real Prometheus on a loopback port of its own."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.tools.servers import environment, require


class Prometheus:
    """Runs while the context is open; *folder* takes its configuration, data and log."""

    def __init__(
        self, config: Mapping[str, Any], folder: Path, *, data: Path | None = None, options: Sequence[str] = ()
    ) -> None:
        self._config = config
        self._folder = folder
        self._data = data or folder / "data"
        self._options = list(options)
        self.address = ""

    def __enter__(self) -> Prometheus:
        program = require("prometheus")
        config, log = self._folder / "prometheus.yml", self._folder / "prometheus.log"
        config.write_text(yaml.safe_dump(dict(self._config)))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    program,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={self._data}",
                    f"--web.listen-address=127.0.0.1:{port}",
                    *self._options,
                ],
                env=environment(),
                stdout=output,
                stderr=output,
            )
        self.address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.address}/-/ready", timeout=2):
                    return self
            except OSError:
                time.sleep(0.05)
        self.__exit__()
        raise AssertionError(log.read_text()[-2000:])

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
