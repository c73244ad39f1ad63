"""``container``: containers of Docker or Podman, asked over the Docker-compatible API on its Unix socket."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from console.snapshot import DEGRADED, DOWN, OK
from console.watch.probing import Client, ProbeError, Reading, Tools

PLACEHOLDERS: Final = frozenset(
    ("COUNT", "RUNNING", "STATE", "HEALTH", "RESTARTS", "EXIT_CODE", "OOM_KILLED", "UPTIME", "IMAGE")
)
CONDITIONS: Final = ()
_MOST: Final = 4_000_000  # bytes of an answer
_MOST_SEEN: Final = 50  # containers that are looked at one by one
_COMPOSE: Final = ("com.docker.compose.project", "io.podman.compose.project")


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``container`` check: one container by name, or all of a compose project, or all with a label."""

    container: str = ""  # name or id
    project: str = ""  # of compose
    label: str = ""  # "role=feeder", or "role"
    min_running: Annotated[int, Meta(ge=0)] | None = None  # of project and label; None = all that there are
    max_restarts: Annotated[int, Meta(ge=0)] | None = None  # since the container was made
    socket: str = ""  # "" = the first of the usual ones that is there

    def __post_init__(self) -> None:
        if sum(map(bool, (self.container, self.project, self.label))) != 1:
            raise ValueError("expected exactly one of container, project and label")
        if self.container and self.min_running is not None:
            raise ValueError("min_running: belongs to project and label")


class _Health(Struct, frozen=True, rename="pascal"):
    status: str = ""


class _State(Struct, frozen=True, rename="pascal"):
    status: str = ""
    running: bool = False
    exit_code: int = 0
    started_at: str = ""
    health: _Health | None = None
    oom_killed: bool = msgspec.field(default=False, name="OOMKilled")
    error: str = ""


class _Config(Struct, frozen=True, rename="pascal"):
    image: str = ""


class _One(Struct, frozen=True, rename="pascal"):
    """What ``/containers/{id}/json`` says (https://docs.docker.com/reference/api/engine/)."""

    name: str = ""
    state: _State = _State()
    restart_count: int = 0
    config: _Config = _Config()


class Probe:
    """Lists, then looks at each: the list knows neither restarts nor health."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options

    async def measure(self, tools: Tools) -> Reading:
        socket = self._options.socket or await tools.shared("container sockets", 5.0, _usual_socket)
        client = Client(socket=str(tools.path(socket)))
        began = time.perf_counter()
        found = [await self._look(tools, client, name) for name in await self._names(tools, client)]
        known = [one for one in found if one is not None]
        took = round((time.perf_counter() - began) * 1000, 1)
        if not known:
            missing = self._options.container or self._options.project or self._options.label
            values: dict[str, object] = {"COUNT": 0, "RUNNING": 0}
            return Reading(state=DOWN, detail=f"no container {missing}", values=values, latency_ms=took)
        return self._judged(known, took)

    async def _names(self, tools: Tools, client: Client) -> list[str]:
        options = self._options
        if options.container:
            return [options.container]
        labels = [options.label] if options.label else [f"{key}={options.project}" for key in _COMPOSE]
        for label in labels:
            wanted = quote(json.dumps({"label": [label]}))
            listed = await _ask(tools, client, f"/containers/json?all=true&filters={wanted}")
            if isinstance(listed, list) and listed:
                return [str(one.get("Id")) for one in listed[:_MOST_SEEN] if isinstance(one, dict)]
        return []

    async def _look(self, tools: Tools, client: Client, name: str) -> _One | None:
        answer = await _ask(tools, client, f"/containers/{quote(name, safe='')}/json")
        if answer is None:
            return None
        try:
            return msgspec.convert(answer, _One, strict=False)
        except msgspec.ValidationError as error:
            raise ProbeError(f"the container API says what is not understood: {error}") from None

    def _judged(self, found: list[_One], took: float) -> Reading:
        running = sum(one.state.running for one in found)
        worst = max(found, key=lambda one: (not one.state.running, _health(one) == "unhealthy", one.restart_count))
        state, detail = OK, _told(worst) if len(found) == 1 else f"{running} of {len(found)} running"
        wanted = len(found) if self._options.min_running is None else self._options.min_running
        if running < wanted or (self._options.container and not worst.state.running):
            state = DOWN
            detail = _told(worst) if len(found) == 1 else f"{detail}: {_name(worst)} {_told(worst)}"
        elif any(_health(one) == "unhealthy" for one in found if one.state.running):
            sick = next(one for one in found if one.state.running and _health(one) == "unhealthy")
            state, detail = DOWN, "unhealthy" if len(found) == 1 else f"{detail}: {_name(sick)} unhealthy"
        elif any(_health(one) == "starting" for one in found):
            state, detail = DEGRADED, f"{detail}, health check has not passed yet"
        restarts = sum(one.restart_count for one in found)
        most = self._options.max_restarts
        if most is not None and restarts > most and state == OK:
            state, detail = DEGRADED, f"{detail}, restarted {restarts} times, expected at most {most}"
        values: dict[str, object] = {
            "COUNT": len(found),
            "RUNNING": running,
            "STATE": worst.state.status,
            "HEALTH": _health(worst) or "none",
            "RESTARTS": restarts,
            "EXIT_CODE": worst.state.exit_code,
            "OOM_KILLED": worst.state.oom_killed,
            "IMAGE": worst.config.image,
        }
        if worst.state.running and (up := _since(worst.state.started_at)) is not None:
            values["UPTIME"] = up * 1000
        return Reading(
            state=state, detail=detail, values=values, latency_ms=took, value=float(running), told=("RUNNING",)
        )


def _name(one: _One) -> str:
    return one.name.removeprefix("/")


def _health(one: _One) -> str:
    status = one.state.health.status if one.state.health is not None else ""
    return "" if status == "none" else status


def _told(one: _One) -> str:
    if one.state.running:
        health = _health(one)
        up = _since(one.state.started_at)
        from console.clock import span

        return "running" + (f" for {span(up)}" if up is not None else "") + (f", {health}" if health else "")
    words = one.state.status or "not running"
    if one.state.oom_killed:
        return f"{words}: out of memory"
    words += f", exit {one.state.exit_code}" if one.state.status in ("exited", "dead", "stopped") else ""
    return words + (f": {one.state.error}" if one.state.error else "")


def _since(started: str) -> float | None:
    try:
        moment = datetime.fromisoformat(started[:19] + ("+00:00" if started.endswith("Z") else started[-6:]))
    except ValueError:
        return None
    age = (datetime.now(UTC) - moment).total_seconds() if moment.tzinfo is not None else -1
    return age if age >= 0 else None


def _usual_socket() -> str:
    named = os.environ.get("DOCKER_HOST", "")
    run = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    usual = ("/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock", f"{run}/podman/podman.sock")
    for path in (named.removeprefix("unix://"),) if named.startswith("unix://") else usual:
        if Path(path).is_socket():
            return path
    raise ProbeError("no socket of Docker or Podman here (systemctl enable --now podman.socket makes Podman's)")


async def _ask(tools: Tools, client: Client, path: str) -> Any:
    """The JSON of an answer; None for 404. Raises :class:`ProbeError`: what the API does not say is not known."""
    import httpx

    from console.network_words import explain

    http = await tools.http(client)
    kept = bytearray()
    try:
        async with http.stream("GET", f"http://localhost{path}") as answer:
            async for piece in answer.aiter_raw():
                kept += piece
                if len(kept) > _MOST:
                    raise ProbeError("the container API does not come to an end")
            if answer.status_code == 404:
                return None
            if answer.status_code != 200:
                raise ProbeError(f"the container API says {answer.status_code}: {_message(bytes(kept))}")
    except (httpx.TransportError, OSError) as error:
        raise ProbeError(f"{client.socket}: {_reason(explain(error)[1], error)}") from None
    try:
        return msgspec.json.decode(kept)
    except msgspec.DecodeError:
        raise ProbeError("the container API says what is not JSON") from None


def _reason(words: str, error: BaseException) -> str:
    return "no such socket" if isinstance(error, FileNotFoundError) or "no such file" in words else words


def _message(body: bytes) -> str:
    try:
        said: Mapping[str, Any] = msgspec.json.decode(body)
        return str(said.get("message", ""))[:120]
    except (msgspec.DecodeError, AttributeError):
        return "nothing more"
