"""Two hundred processes of which ten work each second, so that a process viewer has as much to show as a console of two
hundred services: ``python -m tests.bench._crowd`` prints their numbers and stays until its input ends.

Each worker uses 20 ms of a processor in its second; who works goes round.
"""

from __future__ import annotations

import os
import signal
import sys
import time

SIZE = 200
WORKERS = 10
_WORK_S = 0.02


def work(number: int) -> None:
    """Live as number so-and-so of the crowd."""
    turns = SIZE // WORKERS
    while os.getppid() != 1:
        now = time.time()
        # Neighbours work in different seconds: whichever part of the crowd is on the screen, some of it changes.
        if int(now) % turns == number * 7 % turns:
            until = time.process_time() + _WORK_S
            while time.process_time() < until:
                pass
        time.sleep(1.0 - time.time() % 1.0 + number / SIZE * 0.8)


def main() -> int:
    children = []
    for number in range(SIZE):
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.close(0)
            os.close(1)
            work(number)
            os._exit(0)
        children.append(pid)
    sys.stdout.write(",".join(map(str, children)) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    for pid in children:
        os.kill(pid, signal.SIGTERM)
    for pid in children:
        os.waitpid(pid, 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
