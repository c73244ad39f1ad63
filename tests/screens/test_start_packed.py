"""The modules of a start out of one file: the same modules, and nothing from it that is not as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from screens import packed, packing
from tests.e2e.terminal import Terminal

REPO = Path(__file__).resolve().parents[2]
VIGIE = Path(sys.executable).with_name("vigie")

# A program in Python's place that has a search path of its own: arguments are the pack, then what is to be done.
WITH = """
import sys
sys.path[:0] = {path!r}
from screens.packed import Pack, pack
"""
MAKES = """
pack.ease()
import yard.gate
from screens import packing
assert packing.write(pack, {file!r})
"""
TAKES = """
pack.read({file!r})
pack.find_modules()
pack.ease()
try:
    import yard.gate
finally:
    loaders = [type(sys.modules[name].__spec__.loader).__name__ for name in ("yard", "yard.gate") if name in sys.modules]
"""
GATE = """\"\"\"Opens.\"\"\"
import collections, dataclasses, re
KIND = re.compile(r"(?P<kind>quay|berth)-(\\d+)", re.IGNORECASE)
RAW = re.compile(rb"\\x1b\\[(\\d+)m")
@dataclasses.dataclass(frozen=True, order=True)
class Berth:
    number: int
    ships: list = dataclasses.field(default_factory=list)
Crane = collections.namedtuple("Crane", "name lifts", defaults=(5,))
def fails():
    raise ValueError("the gate is stuck")
"""


class Yard:
    """A package, and a pack with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "start.pack"
        self.gate = folder / "yard" / "gate.py"
        self.gate.parent.mkdir()
        (self.gate.parent / "__init__.py").write_text("NAME = 'yard'\n")
        (self.gate.parent / "plan.txt").write_text("two quays\n")
        self.gate.write_text(GATE)
        self.run(MAKES)

    def run(self, *parts: str, path: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        text = (WITH + "".join(parts)).format(path=[str(self.folder), str(REPO), *path], file=str(self.file))
        done = subprocess.run([sys.executable, "-P", "-c", text], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done

    def takes(self, *what: str, loaders: str = "['_Packed', '_Packed']", path: Sequence[str] = ()) -> str:
        return self.run(TAKES, f"assert str(loaders) == {loaders!r}, loaders\n", *what, path=path).stdout


FOUND_ELSEWHERE = "['SourceFileLoader', 'SourceFileLoader']"


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def test_modules_are_the_same(yard: Yard) -> None:
    asks = """
import importlib.resources, importlib.util, inspect, traceback
gate = yard.gate
print(gate.__doc__, gate.__file__, gate.__package__, yard.__path__, gate.__spec__.has_location, gate.__spec__.cached)
print(importlib.resources.files("yard").joinpath("plan.txt").read_text(), inspect.getsource(gate.fails))
print(importlib.util.find_spec("yard.crane"), importlib.util.find_spec("yard.gate").origin)
try:
    gate.fails()
except ValueError:
    print(traceback.format_exc())
print(gate.KIND, gate.KIND.flags, gate.KIND.groupindex, gate.KIND.match("QUAY-7").groups(), gate.KIND.match("x"))
print(gate.RAW, gate.RAW.sub(b"", b"\\x1b[31mred"))
print(sorted([gate.Berth(2), gate.Berth(1, [3])]), gate.Berth.__init__.__qualname__, hash(gate.Berth(1, ())) != 0)
print(gate.Crane("a"), gate.Crane._make("bc"), gate.Crane.__new__.__doc__)
import re
print(re.compile("never seen before").pattern)
"""
    mine = yard.takes(asks)
    yard.file.unlink()
    assert mine == yard.takes(asks, loaders=FOUND_ELSEWHERE)
    assert 'raise ValueError("the gate is stuck")' in mine


def test_nothing_is_worked_out_again(yard: Yard) -> None:
    yard.run(
        "pack.read({file!r})\nknown = len(pack.functions)\nassert known\npack.find_modules()\npack.ease()\n",
        "import yard.gate\nassert len(pack.functions) == known\n",
        "assert (False, 2, yard.gate.KIND.pattern) in pack.patterns and any(raw for raw, _, _ in pack.patterns)\n",
    )


def edited(yard: Yard) -> None:
    yard.gate.write_text(GATE + "LATER = 1\n")


def touched(yard: Yard) -> None:
    os.utime(yard.gate, ns=(1, 1))


@pytest.mark.parametrize("change", [edited, touched])
def test_a_source_that_has_changed_is_read_itself(yard: Yard, change: object) -> None:
    assert callable(change)
    change(yard)
    yard.takes("print(getattr(yard.gate, 'LATER', 0))\n", loaders="['_Packed', 'SourceFileLoader']")


def test_a_module_that_is_gone_is_not_found(yard: Yard) -> None:
    yard.gate.unlink()
    text = "pack.read({file!r})\npack.find_modules()\nimport importlib.util\nprint(importlib.util.find_spec('yard.gate'))\n"
    assert yard.run(text).stdout == "None\n"


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def zeros_behind(data: bytes) -> bytes:  # as a file is after a power cut
    return data[:-1000] + bytes(1000)


@pytest.mark.parametrize(
    "damage", [cut, lambda _: b"", lambda _: bytes(5000), lambda data: data[:9] + b"\0" + data[10:], zeros_behind]
)
def test_a_damaged_pack_is_as_good_as_none(yard: Yard, damage: object) -> None:
    assert callable(damage)
    yard.file.write_bytes(damage(yard.file.read_bytes()))
    yard.run(TAKES, "assert yard.gate.KIND.match('quay-1') and yard.gate.Berth(1).number == 1\n")


def test_another_search_path_makes_it_somebody_elses(yard: Yard, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    yard.takes(loaders=FOUND_ELSEWHERE, path=[str(elsewhere)])


def test_closed_everything_is_as_it_was(yard: Yard) -> None:
    yard.run(
        "import re, dataclasses, collections, os\n",
        "before = re._compiler.compile, list(sys.meta_path), os.listdir('/proc/self/fd')\n",
        TAKES,
        "assert re._compiler.compile is not before[0]\npack.close()\n"
        "assert (re._compiler.compile, sys.meta_path, os.listdir('/proc/self/fd')) == before\n"
        "assert 'exec' not in vars(dataclasses) and 'eval' not in vars(collections)\n"
        "import importlib\nassert importlib.reload(yard.gate).KIND.match('quay-1')\n"
        "yard.gate.__spec__.loader.get_code('yard.gate')\n",
    )


def test_closed_in_the_middle_of_an_import_nothing_is_missed(yard: Yard) -> None:
    """Another thread may be asking the finders one after the other while the start ends."""
    yard.run(
        "pack.read({file!r})\npack.find_modules()\n",
        "class Closes:\n    def find_spec(self, name, path=None, target=None):\n        pack.close()\n",
        "sys.meta_path.insert(len(sys.meta_path) - 1, Closes())\n",
        "import email.charset\nassert email.charset and pack not in sys.meta_path\n",
    )


def test_an_errand_that_takes_for_ever_is_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "start.pack"
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setattr(packing, "place", lambda: str(file))
    known = packed.Pack()
    known.read(str(file))
    monkeypatch.setattr(packing, "_LONGEST_S", 0)
    packing.keep_up(known)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    packing.keep_up(known)
    assert not file.exists()


def test_what_cannot_be_written_is_said_in_a_line(tmp_path: Path) -> None:
    asked = [sys.executable, "-P", "-m", "screens.packing", str(tmp_path / "no" / "such" / "start.pack")]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stale", [True, False])
def test_a_pack_that_no_longer_fits_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stale: bool
) -> None:
    file = tmp_path / "start.pack"
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setattr(packing, "place", lambda: str(file))
    known = packed.Pack()
    packing.keep_up(known)  # not started by the launcher: nobody would read it
    assert not file.exists()
    known.read(str(file))
    packing.keep_up(known)
    known = packed.Pack()
    known.read(str(file))
    assert known.fits and "textual.app" in known.modules and known.patterns and known.functions
    if stale:
        at, size, source, is_package, changed, length = known.modules["textual.app"]
        known.modules["textual.app"] = (at, size, source, is_package, changed + 1, length)
    written = file.stat().st_mtime_ns
    packing.keep_up(known)
    known.close()
    assert (file.stat().st_mtime_ns != written) == stale


def test_nothing_is_written_where_python_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "start.pack"
    monkeypatch.setattr(packing, "place", lambda: str(file))
    known = packed.Pack()
    known.read(str(file))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    packing.keep_up(known)
    assert not file.exists()


# As the launcher starts a console, with another pack; when the start is over it writes down what was not in it.
START = """
import json, os, runpy, sys
launcher, file, report, *arguments = sys.argv[1:]
sys.path += runpy.run_path(launcher, run_name="launcher")["_packages"](launcher)
from screens.packed import Pack, pack
pack.read(file)
pack.find_modules()
functions = len(pack.functions)
early = set(sys.modules)
close = Pack.close

def over(self):
    specs = [module.__spec__ for module in list(sys.modules.values()) if getattr(module, "__spec__", None)]
    others = [spec.name for spec in specs if type(spec.loader).__name__ == "SourceFileLoader" and spec.name not in early]
    data = {"known": len(self.modules), "fits": self.fits, "others": others, "again": len(self.functions) - functions}
    with open(report + ".new", "w") as out:
        json.dump(data, out)
    os.replace(report + ".new", report)
    close(self)

Pack.close = over
sys.argv = [launcher, *arguments]
from screens.main import main
sys.exit(main())
"""


def test_a_start_finds_everything_in_it(tmp_path: Path) -> None:
    file, report = tmp_path / "start.pack", tmp_path / "report.json"
    subprocess.run([sys.executable, "-P", "-m", "screens.packing", str(file)], check=True, timeout=60)
    config, script = tmp_path / "vigie.yaml", tmp_path / "start.py"
    config.write_text(
        "title: yard\nservices: [{name: gate, checks: [{kind: tcp, name: port, host: 127.0.0.1, port: 9}]}]\n"
    )
    script.write_text(START)
    argv = [sys.executable, "-SP", script, VIGIE, file, report, "--db", tmp_path / "vigie.db", "--config", config]
    with Terminal(argv, env={"HOME": str(tmp_path)}) as terminal:
        terminal.wait_for("gate/port")
        terminal.wait_until(lambda _: report.exists())
        terminal.press("q")
        terminal.wait_exit()
    found = json.loads(report.read_text())
    assert found == {"known": found["known"], "fits": True, "others": ["screens.packing"], "again": 0}
    assert found["known"] > 300
