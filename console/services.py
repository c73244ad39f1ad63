"""What is watched, as it is configured: services and their checks, and what is watched when nobody configured anything.

The keys that every kind of check has are here. Keys of one kind (``url`` of ``http``, ``port`` of ``tcp``) stay plain
data in :attr:`CheckConfig.options`; the probe of that kind owns their meaning and validates them
(``console.watch.checks.compile_checks``), so a new kind is one new file.

::

    services:
      - name: api
        runbook: RB-api
        checks:
          - kind: http
            name: health
            url: http://127.0.0.1:8080/health
            interval: 10s
            conditions: ["[STATUS] == 200", "[BODY].status == UP"]
            degraded_conditions: ["[RESPONSE_TIME] < 500ms"]
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from console.clock import parse_span


class Span(float):
    """A duration in seconds, written ``30s``, ``5m``, ``500ms`` in the configuration (console.clock.parse_span)."""

    __slots__ = ()


def spanned(seconds: float, name: str | None = None) -> Span:
    """A field whose default is a duration. (A factory, because msgspec's JSON Schema can't write a Span default.)"""
    default: Span = field(default_factory=lambda: Span(seconds), name=name)
    return default


def decode_span(expected: type, value: object) -> Span:
    """The msgspec ``dec_hook`` for :class:`Span`. Raises ``ValueError`` with what was expected."""
    if expected is not Span:
        raise NotImplementedError(f"no way to read a {expected.__name__}")
    try:
        return Span(parse_span(value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError(f"expected a duration such as 30s, 5m or 500ms, got {value!r}") from None


def encode_span(value: object) -> str:
    """The msgspec ``enc_hook`` for :class:`Span`: text that :func:`decode_span` reads back."""
    if not isinstance(value, Span):
        raise NotImplementedError(f"no way to write a {type(value).__name__}")
    millis = round(value * 1000)
    return f"{millis}ms" if millis % 1000 else f"{millis // 1000}s"


class CheckConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One check of a service."""

    kind: str  # the name of a file in console/watch/probes
    name: str = ""  # unique in its service; "" = the kind
    interval: Span = spanned(15)
    timeout: Span | None = None  # of the whole probe, shorter than the interval; None = 5s, or 0.8 of a short interval
    retry_interval: Span | None = None  # while a change is not yet believed; None = 5s, or the interval if that is less
    fail_threshold: int = 3  # results in a row before a problem is believed
    recover_threshold: int = 2  # results in a row before a recovery is believed
    hold: Span = spanned(0, name="for")  # a problem must also have lasted this long
    conditions: tuple[str, ...] | None = None  # all must hold, or the check is DOWN; None = the kind's own
    degraded_conditions: tuple[str, ...] = ()  # all must hold, or the check is DEGRADED
    recover_when: tuple[str, ...] = ()  # all must hold before a problem can end
    severity: str = ""  # of its alert; "" = critical when DOWN, warning when DEGRADED
    alert: str = ""  # alertname; "" = service/name
    runbook: str = ""  # id or path; "" = the service's
    labels: Mapping[str, str] = {}
    info: bool = False  # its value is shown with its trend and never counted as OK
    remote: bool | None = None  # whether it needs our own link (sentinels); None = by where its target is
    options: Mapping[str, Any] = {}  # the keys that belong to the kind


class ServiceConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service: a name that people say, and the checks that tell how it is."""

    name: str
    description: str = ""
    checks: tuple[CheckConfig, ...] = ()
    labels: Mapping[str, str] = {}  # on every alert of its checks
    runbook: str = ""
    parents: tuple[str, ...] = ()  # services it needs: while one is DOWN no alert of this one is raised


class MaintenanceConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When problems are expected: nobody is alerted, everything is still checked. Once, or every week."""

    name: str
    services: tuple[str, ...] = ()  # services, or service/check; none = all
    begin: str = field(default="", name="from")  # 2026-11-28 22:00, in time_zone, or RFC 3339
    end: str = field(default="", name="until")
    days: tuple[str, ...] = ()  # mon tue wed thu fri sat sun; none = every day
    at: str = ""  # 22:30, in time_zone
    lasts: Span = spanned(0)
    reason: str = ""


_COMMON: Final = frozenset(CheckConfig.__struct_encode_fields__) - {"options"}


def gather_options(services: object) -> object:
    """The parsed YAML of ``services`` with each check's kind-specific keys moved under ``options``, ready for msgspec.

    Anything that has not the expected shape is returned as it is: the decoder names what is wrong with it.
    """
    if not isinstance(services, list):
        return services
    return [_service(one) for one in services]


def _service(service: object) -> object:
    if not isinstance(service, dict) or not isinstance(service.get("checks"), list):
        return service
    return {**service, "checks": [_check(one) for one in service["checks"]]}


def _check(check: object) -> object:
    if not isinstance(check, dict):
        return check
    common = {key: value for key, value in check.items() if key in _COMMON}
    options = {key: value for key, value in check.items() if key not in _COMMON}
    return {**common, "options": options}


# Where the kernel mounts pictures of software rather than room that can fill.
_NEVER_FILLS: Final = frozenset(("squashfs", "iso9660", "erofs", "cramfs", "overlay"))


def default_services() -> tuple[ServiceConfig, ...]:
    """What is watched with no configuration: this host (cpu, memory, load, each real disk) and Vigie itself."""
    host = (
        CheckConfig(kind="cpu", hold=Span(60), options={"warn": 95}),
        CheckConfig(kind="memory", options={"warn": 90, "fail": 97}),
        CheckConfig(kind="load", options={"warn": 4}),
        *(
            CheckConfig(kind="disk", name=_disk_name(path), interval=Span(30), options={"path": path})
            for path in real_disks()
        ),
    )
    itself = CheckConfig(kind="self", name="watch", interval=Span(10))
    return (
        ServiceConfig(name="host", description="the machine that Vigie runs on", checks=host),
        ServiceConfig(name="vigie", description="Vigie itself", checks=(itself,)),
    )


def _disk_name(path: str) -> str:
    return "disk " + path


def real_disks() -> list[str]:
    """Mount points of file systems that can fill, one for each device, the shortest path first; at least ``/``."""
    import psutil

    by_device: dict[str, str] = {}
    for part in sorted(psutil.disk_partitions(all=False), key=lambda part: len(part.mountpoint)):
        if part.fstype in _NEVER_FILLS or "ro" in part.opts.split(","):
            continue
        if part.device not in by_device and Path(part.mountpoint).is_dir():
            by_device[part.device] = part.mountpoint
    paths = list(by_device.values())
    return paths if "/" in paths else ["/", *paths]
