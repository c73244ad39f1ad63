"""The programs that the console is measured against; one that is not here is named and left out."""

from __future__ import annotations

import compileall
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.bench import _minimal
from tests.bench._tty import Meter
from tests.tools import servers

Peers = dict[str, tuple[Callable[[], Meter], str]]
MINIMAL = "minimal Textual app"


def peers(folder: Path, size: tuple[int, int], *, slow_htop: bool = False) -> Peers:
    """Name → (how to start it, what it shows when it is there). *slow_htop*: it refreshes only when a key is pressed."""
    found: Peers = {MINIMAL: (partial(Meter, [_script(folder)], size=size), "READY")}
    text = folder / "lines.txt"
    text.write_text("".join(f"line {n} of a file, {'word ' * 16}\n" for n in range(2000)))
    for name, argv, pattern in (
        ("htop", ("-d", "100") if slow_htop else (), r"Mem\["),
        ("less", (str(text),), r"line 1 of"),
    ):
        program = servers.find(name)
        if program is None:
            print(f"  {name}: not here (make servers), left out")
            continue
        unpacked = servers.ROOT / "usr/share/terminfo"
        env = {"HOME": str(folder), "LESS": "", "LESSHISTFILE": "-"}
        if servers.ROOT in program.parents:
            env |= {k: v for k, v in servers.environment().items() if k == "LD_LIBRARY_PATH"}
            env["TERMINFO_DIRS"] = f"/etc/terminfo:/lib/terminfo:/usr/share/terminfo:{unpacked}"
        found[name] = (partial(Meter, [program, *argv], size=size, env=env), pattern)
    return found


def _script(folder: Path) -> Path:
    """A script like the one an installer writes for ``vigie``, for the minimal app; its module compiled beforehand."""
    module = folder / "minimal_textual_app.py"
    module.write_bytes(Path(_minimal.__file__).read_bytes())
    compileall.compile_file(module, quiet=1)
    script = folder / "minimal"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(folder)!r})\n"
        "from minimal_textual_app import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
    )
    script.chmod(0o755)
    return script
