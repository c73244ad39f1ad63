"""The real ``vigie watch``, with a lifeline: it ends with the demo's director."""

from __future__ import annotations

import sys

from console.demo import lifeline

if __name__ == "__main__":
    lifeline.hold()
    from console.cli import main

    sys.exit(main(sys.argv[1:]))
