"""Threads for calls that may never return: a bounded pool whose threads do not hold up the end of the process."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonThreads(ThreadPoolExecutor):
    """An executor of daemon threads. asyncio accepts only a ThreadPoolExecutor as its default one, hence the base."""

    def __init__(self, size: int, name: str) -> None:
        super().__init__(max_workers=1)  # its own machinery is never used: submit() below starts no thread of it
        self._size = size
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._started = 0
        self._busy = 0
        self._lock = threading.Lock()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._lock:
            self._busy += 1
            if self._busy > self._started and self._started < self._size:
                self._started += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
        self._jobs.put(job)
        return future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            with self._lock:
                self._busy -= 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let idle threads end. Never waits for a busy one: it may hang for ever."""
        for _ in range(self._started):
            self._jobs.put(None)

    @property
    def busy(self) -> int:
        """Jobs that are running or wait."""
        return self._busy


class OneThread:
    """A thread that owns what may be used from one thread only: SQLite connections."""

    def __init__(self, name: str) -> None:
        self._pool = DaemonThreads(1, name)

    async def __call__(self, work: Callable[[], T]) -> T:
        """Run *work* there."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def end(self) -> None:
        """Let the thread end when it is idle."""
        self._pool.shutdown(wait=False)
