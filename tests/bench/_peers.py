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
    found: Peers = {MINIMAL: (partial(Meter, [script(folder, Path(_minimal.__file__))], size=size), "READY")}
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


def script(folder: Path, source: Path) -> Path:
    """A script like the one an installer writes for ``vigie``, for the module *source*; it is compiled beforehand."""
    module = folder / f"peer{source.stem}.py"
    module.write_bytes(source.read_bytes())
    compileall.compile_file(module, quiet=1)
    made = folder / source.stem.strip("_")
    made.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(folder)!r})\n"
        f"from {module.stem} import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
    )
    made.chmod(0o755)
    return made
