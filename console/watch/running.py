"""Run a program for a check: its output bounded, and nothing of it left when the time is up."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from console.watch.probing import ProbeError

OUTPUT: Final = 65_536  # bytes kept of each stream; the rest is read and dropped
_MARK: Final = "VIGIE_CHECK_RUN"
_LAST_WORDS_S: Final = 0.5


class Done(Struct, frozen=True, kw_only=True):
    """How a program ended. *code* is negative for a signal. The texts are not sanitised."""

    code: int
    output: str
    errors: str


async def run(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Done:
    """Run *command*, no shell in between, until it ends. When cancelled its whole tree is killed first.

    Raises :class:`ProbeError` when it can't be started.
    """
    mark = f"{_MARK}={secrets.token_hex(8)}"
    name, _, value = mark.partition("=")
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **(environment or {}), name: value},
            cwd=folder,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise ProbeError(f"{command[0]} can't be started: {reason}") from None
    assert process.stdout is not None and process.stderr is not None  # noqa: S101 - they are pipes
    output, errors, ended = bytearray(), bytearray(), False
    hearing = [
        asyncio.create_task(_keep(stream, kept))
        for stream, kept in ((process.stdout, output), (process.stderr, errors))
    ]
    try:
        await _end_of(process)
        # What it left running may keep the pipes open: its own output is there.
        await asyncio.wait(hearing, timeout=_LAST_WORDS_S)
        ended = True
    finally:
        _kill_group(process.pid)
        if not ended:
            await _kill_marked(mark)
        for task in hearing:
            task.cancel()
        transport = getattr(process, "_transport", None)
        deadline = time.monotonic() + _LAST_WORDS_S
        # closing before would take its exit code away
        while process.returncode is None and time.monotonic() < deadline:  # noqa: ASYNC110 - no event of asyncio tells
            await asyncio.sleep(0.001)
        if transport is not None:  # the pipes may be held by others for ever
            transport.close()
    code = await process.wait()
    return Done(code=code, output=output.decode("utf-8", "replace"), errors=errors.decode("utf-8", "replace"))


async def _end_of(process: asyncio.subprocess.Process) -> None:
    """Wait for the process alone: ``process.wait()`` also waits for whoever holds its pipes."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return  # ended, and waited for already
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


async def _keep(stream: asyncio.StreamReader, kept: bytearray) -> None:
    while piece := await stream.read(65_536):
        kept += piece[: OUTPUT - len(kept)]


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


async def _kill_marked(mark: str) -> None:
    """Kill whatever has *mark* in its environment: descendants that left the group, and those whose parent is gone."""

    def kill() -> None:
        wanted = mark.encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if wanted in (entry / "environ").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:  # gone, or another user's
                pass

    await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, kill))
