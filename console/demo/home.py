"""The demo's folder: where its services, configuration, database and runbooks are. It goes away with the demo."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

MARK: Final = "VIGIE_DEMO"  # in the environment of every process that a demo starts: which demo
PREFIX: Final = "vigie-demo-"
# Variables of the user's own Vigie that would lead a demo out of its folder.
FOREIGN: Final = ("VIGIE_DB", "VIGIE_CONFIG", "VIGIE_INCIDENT")


class Home(Struct, frozen=True):
    """A demo's folder."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "vigie.yaml"

    @property
    def database(self) -> Path:
        return self.folder / "vigie.db"

    @property
    def volume(self) -> Path:
        """The small disk that fills."""
        return self.folder / "readings"

    @property
    def bin(self) -> Path:
        """Where ``ternctl`` is."""
        return self.folder / "bin"

    def environment(self) -> dict[str, str]:
        """What the demo's processes, and the commands of its runbooks, have in their environment."""
        path = os.environ.get("PATH", os.defpath)
        environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        return environment | {
            MARK: str(self.folder),
            "TERN_HOME": str(self.folder),
            "PATH": path if path.startswith(f"{self.bin}{os.pathsep}") else f"{self.bin}{os.pathsep}{path}",
        }

    def furnish(self) -> None:
        """Make what has to be there before the services start."""
        self.volume.mkdir()
        self.bin.mkdir()
        program = self.bin / "ternctl"
        # -P: the folder somebody stands in must not shadow our modules.
        program.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m console.demo.control "$@"\n', encoding="utf-8"
        )
        program.chmod(0o700)

    def describe(self, ports: Mapping[str, int], speed: float) -> None:
        """Write the services' ports and the configuration that watches them."""
        import json

        (self.folder / "services.json").write_text(json.dumps(ports), encoding="utf-8")
        # JSON is YAML, and needs no quoting of ours.
        text = json.dumps(configuration(ports, self.volume, speed), indent=2)
        self.config.write_text(text + "\n", encoding="utf-8")


def configuration(ports: Mapping[str, int], volume: Path, speed: float) -> dict[str, Any]:
    """The demo's ``vigie.yaml``: checks as a real house would write them, only quicker."""
    pace = {
        "interval": f"{max(1000, round(4000 / speed))}ms",
        "timeout": "900ms",
        "retry_interval": f"{max(500, round(2000 / speed))}ms",
        "fail_threshold": 2,
        "recover_threshold": 2,
    }

    def url(service: str, path: str) -> str:
        return f"http://127.0.0.1:{ports[service]}{path}"

    return {
        "title": "vigie-demo",
        "runbooks": [str(Path(__file__).with_name("runbooks"))],
        "services": [
            {
                "name": "forecast-api",
                "description": "tide forecasts for customers",
                "runbook": "forecast-errors-high",
                "labels": {"team": "forecasts", "volume_dir": str(volume)},
                "checks": [
                    {
                        **pace,
                        "kind": "http",
                        "name": "errors",
                        "alert": "ForecastErrorsHigh",
                        "severity": "critical",
                        "url": url("api", "/health"),
                        "conditions": ["[STATUS] == 200", "[BODY].error_percent < 25"],
                        "degraded_conditions": ["[BODY].error_percent < 5"],
                    },
                    {**pace, "kind": "tcp", "name": "port", "host": "127.0.0.1", "port": ports["api"]},
                ],
            },
            {
                "name": "buoy-feed",
                "description": "readings from the buoys, once a second",
                "runbook": "buoy-feed-stale",
                "labels": {"team": "ingest", "volume_dir": str(volume)},
                "checks": [
                    {
                        **pace,
                        "kind": "http",
                        "name": "freshness",
                        "alert": "BuoyFeedStale",
                        "url": url("feed", "/health"),
                        "conditions": ["[STATUS] == 200", "[BODY].age_s < 30"],
                    }
                ],
            },
            {
                "name": "readings-volume",
                "description": "the disk that the feed writes to",
                "runbook": "readings-volume-full",
                "labels": {"team": "storage", "volume_dir": str(volume)},
                "checks": [
                    {
                        **pace,
                        "kind": "http",
                        "name": "space",
                        "alert": "ReadingsVolumeFull",
                        "url": url("storage", "/volume"),
                        "conditions": ["[STATUS] == 200", "[BODY].used_percent < 95"],
                        "degraded_conditions": ["[BODY].used_percent < 80"],
                    }
                ],
            },
        ],
    }
