"""The project as a whole: what it imports, what it documents, what it ships."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli import COMMANDS

REPO = Path(__file__).resolve().parents[1]
PACKAGES = ("console", "screens", "runbooks", "themes")
# Heavy or forbidden where only a version is printed or a command line is read.
HEAVY = ("textual", "rich", "httpx", "jinja2", "markdown_it", "tree_sitter", "yaml", "psutil", "asyncio")


def modules_after(code: str) -> set[str]:
    """The names of the modules that a fresh Python has loaded after running *code*."""
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.__stderr__)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, cwd=REPO)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines())


def test_the_engine_never_loads_textual() -> None:
    loaded = modules_after(
        "import importlib, pkgutil, console\n"
        "for found in pkgutil.walk_packages(console.__path__, 'console.'):\n"
        "    if not found.name.endswith(('.supervise', '.host_terminal', '__main__')):\n"
        "        importlib.import_module(found.name)\n"
    )
    assert "console.cli" in loaded
    assert not {name for name in loaded if name.partition(".")[0] in ("textual", "screens")}


def test_the_version_loads_nothing_heavy() -> None:
    loaded = modules_after(
        "import screens.main\nsys.argv = ['vigie', '--version']\n"
        "try:\n    screens.main.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
    )
    assert "console.cli" in loaded
    assert not {name for name in loaded if name.partition(".")[0] in HEAVY}


def test_every_command_is_documented_and_every_documented_command_exists() -> None:
    text = (REPO / "docs" / "commands.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`vigie ([a-z]+)", text))
    assert documented == set(COMMANDS)


def test_no_tracked_file_names_a_machine() -> None:
    if not (REPO / ".git").exists():
        pytest.skip("not a git checkout")
    pattern = r"/(root|work|farm)/[a-z.]"
    found = subprocess.run(
        ["git", "grep", "-nIE", pattern, "--", ".", ":!requirements.lock", ":!tests/data", ":!tests/test_project.py"],
        capture_output=True,
        text=True,
        cwd=REPO,
    )
    assert found.returncode in (0, 1), found.stderr
    assert found.stdout == ""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The wheel and the sdist, built from this checkout without the network."""
    out = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, REPO],
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    yield out


def test_wheel_and_sdist_hold_what_the_program_reads(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        shipped = set(wheel.namelist())
    ours = {
        path.relative_to(REPO).as_posix()
        for package in PACKAGES
        for path in (REPO / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours <= shipped, sorted(ours - shipped)
    assert not {name for name in shipped if name.startswith("tests/")}
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert ours | {"README.md", "LICENSE", "Makefile", "tests/conftest.py", "docs/commands.md"} <= names


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with the wheel in it; what it depends on comes from ours, what is ours does not."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    wheel = next(built.glob("*.whl"))
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    # A path in a .pth file adds that folder, but reads no .pth of it: the editable checkout stays out.
    ours = next(Path(entry) for entry in sys.path if entry.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{ours}\n")
    return folder / "bin"


def run_installed(program: list[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [os.fspath(part) for part in program],
        capture_output=True,
        text=True,
        timeout=110,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
    )


def test_the_installed_wheel_stands_on_its_own(installed: Path, tmp_path: Path) -> None:
    code = "import console, screens, runbooks, themes\nfor p in (console, screens, runbooks, themes): print(p.__file__)"
    places = run_installed([installed / "python", "-c", code], tmp_path).stdout.split()
    assert len(places) == 4
    assert all(Path(place).is_relative_to(installed.parent) for place in places), places
    version = run_installed([installed / "vigie", "--version"], tmp_path)
    assert version.returncode == 0
    assert re.fullmatch(r"vigie \d+\.\d+\.\d+\S*\n", version.stdout)


def test_the_installed_wheel_plays_the_demo(installed: Path, tmp_path: Path) -> None:
    done = run_installed([installed / "vigie", "demo", "--speed", "12"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Follows Readings volume is full" in done.stdout
    assert "time to mitigate" in done.stdout


def test_the_installed_wheel_finds_its_runbooks_and_themes(installed: Path, tmp_path: Path) -> None:
    listed = run_installed([installed / "vigie", "runbooks", "list", "--json"], tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert {"disk-full", "service-down"} <= {entry["id"] for entry in json.loads(listed.stdout)["runbooks"]}
    themes = run_installed(
        [installed / "python", "-c", "from screens import theming; print(theming.titles())"], tmp_path
    )
    assert themes.returncode == 0, themes.stderr
    for path in (REPO / "themes").glob("*.yaml"):
        assert f"'{path.stem}'" in themes.stdout
