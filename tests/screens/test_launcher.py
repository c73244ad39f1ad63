"""The launcher (bin/vigie): what it shows before Python is there, what it refuses to show, and how Python goes on from it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from screens import kept, launched
from tests.e2e.terminal import Terminal

REPO = Path(__file__).resolve().parents[2]
LAUNCHER = REPO / "bin" / "vigie"
SHELLS = [
    name.split() for name in ("dash", "bash --posix", "bash", "busybox sh") if shutil.which(name.split()[0]) is not None
]
# Everything that the launcher may send; what stands between is printable ASCII.
OURS = re.compile(
    rb"\x1b\[\?(?:1049h|25l|7l)|\x1b\[(?:0;2|0;7|0;8|7)?m|\x1b\[2J|\x1b\[\d{1,3}(?:;\d{1,3})?H|\x1b\[\d{1,2}D|\r\n"
)
ENTER = b"\x1b[?1049h"
# Stands in Python's place: it says what it was given, and stays until it is told to go.
STAND_IN = r"""#!/bin/sh
printf '\nREADY %s %s\n' "${VIGIE_LAUNCHED-nothing}" "$*"
read -r line
"""
CONFIG = "title: yard\nservices: [{name: gate, checks: [{kind: tcp, name: port, host: 127.0.0.1, port: 9}]}]\n"


class Install:
    """An environment with the launcher in it, and a screen that it may show."""

    def __init__(self, folder: Path, python: str = STAND_IN) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.vigie = folder / "venv" / "bin" / "vigie"
        self.python = self.vigie.with_name("python")
        self.vigie.parent.mkdir(parents=True)
        self.home.mkdir()
        shutil.copy(LAUNCHER, self.vigie)
        (folder / "venv" / "pyvenv.cfg").write_text("include-system-site-packages = false\n")
        self.python.write_text(python)
        self.python.chmod(0o755)
        self.database, self.config = folder / "vigie.db", folder / "vigie.yaml"
        self.database.write_bytes(b"x")
        self.config.write_text("title: yard\n")
        self.env = {"HOME": str(self.home), "XDG_CACHE_HOME": "", "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""}
        self.options = {"db": str(self.database), "config": str(self.config)}

    def environ(self, env: dict[str, str]) -> dict[str, str]:
        """What the launcher finds around it."""
        return {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **self.env, **env}

    @property
    def argv(self) -> list[str]:
        return [part for name, value in self.options.items() for part in (f"--{name}", value)]

    def keep(self, ago: float = 5, text: str = "gate/port down", **env: str) -> Path:
        launch = launched.place_of(self.options, self.environ(env))
        assert launch is not None
        rows = [list(f"{f'{text} {n}':<80}") for n in range(24)]
        own, sys.executable = sys.executable, str(self.python)
        try:
            data = launched.form(rows, launch, time.time() - ago, str(self.database), str(self.config))
        finally:
            sys.executable = own
        assert data is not None and kept.save(launch, data)
        return Path(launch.path)

    def start(
        self, shell: list[str] | None = None, argv: list[str] | None = None, cwd: Path | None = None, **env: str
    ) -> Terminal:
        command = [*(shell or []), str(self.vigie), *(self.argv if argv is None else argv)]
        return Terminal(command, env={**self.env, **env}, cwd=cwd)

    def shown(self, shell: list[str] | None = None, argv: list[str] | None = None, **how: object) -> bytes:
        """What was painted before the stand-in said its word; b"" when nothing was."""
        with self.start(shell, argv, **how) as terminal:  # type: ignore[arg-type]
            terminal.wait_until(lambda _: b"READY" in terminal.raw)
            before, _, after = bytes(terminal.raw).partition(b"\r\nREADY ")
            if not before:
                assert after.startswith(b"nothing"), after
            return before


@pytest.fixture
def install(tmp_path: Path) -> Install:
    return Install(tmp_path)


@pytest.fixture(params=SHELLS, ids=lambda shell: "-".join(shell))
def shell(request: pytest.FixtureRequest) -> list[str]:
    found: list[str] = request.param
    return found


def test_the_kept_screen_stands_before_python_does(install: Install, shell: list[str]) -> None:
    install.keep()
    with install.start(shell) as terminal:
        terminal.wait_for("READY 5 s old -SP|READY 6 s old -SP")
        assert "gate/port down 3" in terminal.screen
        assert re.search(r" kept, [56] s old $", terminal.line(0) + " ")
        assert re.search(r"^ kept screen, [56] s old - opening ...", terminal.line(-1))
        painted = bytes(terminal.raw).partition(b"READY")[0]
        assert OURS.sub(b"", painted).decode("ascii").isprintable()


@pytest.mark.parametrize(
    "ago", [0, 59, 61, 3600 + 61, 7199, 86400 * 2 + 3601, -5000], ids=lambda seconds: f"{seconds}s"
)
def test_the_age_is_the_one_that_python_would_say(install: Install, ago: int) -> None:
    install.keep(ago)
    said = re.search(r" kept, ([^\x1b]*) \x1b", install.shown().decode())
    assert said is not None
    assert said[1] in {kept.age_in_words(ago + more) for more in (0, 1, 2, 5, 30)}


def replaced(old: bytes, new: bytes) -> Callable[[Install, Path], None]:
    def change(_: Install, file: Path) -> None:
        data = file.read_bytes()
        assert old in data
        file.write_bytes(data.replace(old, new))

    return change


def changed(change: Callable[[bytes], bytes]) -> Callable[[Install, Path], None]:
    def write(_: Install, file: Path) -> None:
        file.write_bytes(change(file.read_bytes()))

    return write


def at(when: bytes) -> Callable[[Install, Path], None]:
    return changed(lambda data: re.sub(rb"\n\d+ ", b"\n" + when + b" ", data, count=1))


def folder(_: Install, file: Path) -> None:
    file.unlink()
    file.mkdir()


def fifo(_: Install, file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def link(_: Install, file: Path) -> None:
    elsewhere = file.with_name("elsewhere")
    file.rename(elsewhere)
    file.symlink_to(elsewhere)


def other_database(install: Install, _: Path) -> None:
    other = install.database.with_name("other")
    other.write_bytes(b"y")
    other.replace(install.database)


def other_python(install: Install, _: Path) -> None:
    os.utime(install.python, (1, 1))


REFUSED: dict[str, Callable[[Install, Path], None]] = {
    "sequence": replaced(b"down 3", b"do\x1b[2Jwn 3"),
    "bell": replaced(b"down 3", b"down\x073"),
    "C1 in UTF-8": replaced(b"down 3", "down\x9b31m 3".encode()),
    "C1 byte": replaced(b"down 3", b"down\x9b31m 3"),
    "bidi": replaced(b"down 3", "down\u202e 3".encode()),
    "zero width": replaced(b"down 3", "do\u200bwn 3".encode()),
    "letters beyond ASCII": replaced(b"down 3", "dôwn 3".encode()),
    "tab": replaced(b"down 3", b"down\t3"),
    "return": replaced(b"down 3", b"down\r3"),
    "delete": replaced(b"down 3", b"down\x7f3"),
    "a sequence in a place": replaced(b"\n4;1 ", b"\n4;1\x1b[2J "),
    "a place that is no number": replaced(b"\n4;1 ", b"\n4;x "),
    "a place with three numbers": replaced(b"\n4;1 ", b"\n4;1;1 "),
    "a place that is too long": replaced(b"\n4;1 ", b"\n4;11111111111111111111 "),
    "a place with nothing": replaced(b"\n4;1 ", b"\n; "),
    "another form": replaced(b"vigie-launch 1", b"vigie-launch 2"),
    "another key": replaced(b"|xterm-256color|", b"|xterm|"),
    "not whole": replaced(b"end\n", b""),
    "no rows": changed(lambda data: b"\n".join([*data.split(b"\n")[:3], b"end\n"])),
    "empty": changed(lambda _: b""),
    "too large": changed(lambda data: data + b"x" * 4096),
    "no age": at(b""),
    "an age to reckon with": at(b"010"),
    "too old": at(b"1000"),
    "read by others": lambda _, file: file.chmod(0o640),
    "written by others": lambda _, file: file.chmod(0o622),
    "a folder that others write to": lambda _, file: file.parent.chmod(0o777),
    "a link": link,
    "a pipe": fifo,
    "a folder": folder,
    "a database that was replaced": other_database,
    "no database": lambda install, _: install.database.unlink(),
    "a configuration that was changed": lambda install, _: os.utime(install.config, (1, 1)),
    "a configuration that is gone": lambda install, _: install.config.unlink(),
    "another Python": other_python,
}  # fmt: skip
if os.geteuid() == 0:  # only root can give a file away
    REFUSED["a file of another owner"] = lambda _, file: os.chown(file, 65534, -1)
    REFUSED["a folder of another owner"] = lambda _, file: os.chown(file.parent, 65534, -1)


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_not_as_it_must_be_is_not_shown(install: Install, why: str) -> None:
    REFUSED[why](install, install.keep())
    for shell in SHELLS:
        assert install.shown(shell) == b"", shell


@pytest.mark.slow
def test_no_byte_but_printable_ascii_passes(install: Install, shell: list[str]) -> None:
    file = install.keep()
    good = file.read_bytes()
    for byte in range(256):
        if byte == 0x0A or byte == 0:  # a shell leaves NUL out when it reads
            continue
        if 0x20 < byte < 0x7F and byte % 16:  # a few of those that pass are enough
            continue
        file.write_bytes(good.replace(b"down 3", b"down" + bytes([byte]) + b"3"))
        painted = install.shown(shell, LC_ALL="", LANG="C.UTF-8")
        if 0x20 <= byte < 0x7F:
            assert b"down" + bytes([byte]) + b"3" in painted, byte
        else:
            assert painted == b"", byte


def test_it_is_shown_only_where_the_console_would_open(install: Install) -> None:
    install.keep()
    assert install.shown(argv=[*install.argv, "--read-only"])
    for argv in (["status"], ["--help"], ["--db"], ["--link", "wrong"], ["--pack", "x"]):
        assert install.shown(argv=argv) == b"", argv
    for env in ({"TERM": "dumb"}, {"TERM": ""}, {"VIGIE_KEPT": "off"}):
        if "TERM" in env:
            install.keep(**env)
        assert install.shown(**env) == b"", env  # type: ignore[arg-type]


def test_nothing_is_painted_over_another_program(install: Install) -> None:
    install.keep()
    command = (
        f'set -m; "{install.vigie}" --db "{install.database}" --config "{install.config}" & sleep 0.2; wait; echo over'
    )
    with Terminal(["sh", "-c", command], env=install.env) as terminal:
        terminal.wait_until(lambda _: b"READY" in terminal.raw)
        assert ENTER not in terminal.raw


@pytest.mark.parametrize(
    ("argv", "options", "env"),
    [
        ([], {}, {"VIGIE_DB": "{folder}/vigie.db", "VIGIE_CONFIG": "{folder}/vigie.yaml"}),
        (["--db={folder}/vigie.db"], {"db": "{folder}/vigie.db"}, {"VIGIE_CONFIG": "{folder}/vigie.yaml"}),
        (["--db", "vigie.db", "--config", "../{name}/vigie.yaml"], {"db": "vigie.db", "config": "../{name}/vigie.yaml"}, {}),
        (["--db", "{folder}//vigie.db"], {"db": "{folder}//vigie.db"}, {"VIGIE_CONFIG": "{folder}/./vigie.yaml"}),
        (["--actor", "é * $x"], {"actor": "é * $x"}, {"VIGIE_DB": "{folder}/vigie.db", "VIGIE_CONFIG": "vigie.yaml"}),
        ([], {}, {"VIGIE_DB": "vigie.db", "VIGIE_CONFIG": "vigie.yaml", "VIGIE_ACTOR": "ann", "SUDO_USER": "bob"}),
        ([], {}, {"VIGIE_DB": "vigie.db", "VIGIE_CONFIG": "vigie.yaml", "SUDO_USER": "bob", "LC_ALL": "C"}),
    ],
    ids=["variables", "equals", "relative", "slashes", "signs", "actor", "sudo"],
)  # fmt: skip
def test_the_launcher_looks_where_python_writes(
    tmp_path: Path, argv: list[str], options: dict[str, str], env: dict[str, str], shell: list[str]
) -> None:
    install = Install(tmp_path / "a folder")

    def here(text: str) -> str:
        return text.replace("{folder}", str(install.folder)).replace("{name}", install.folder.name)

    install.options = {name: here(value) for name, value in options.items()}
    env = {name: here(value) for name, value in env.items()}
    before = Path.cwd()
    os.chdir(install.folder)
    try:
        install.keep(PWD=str(install.folder), **env)
    finally:
        os.chdir(before)
    assert install.shown(shell, [here(part) for part in argv], cwd=install.folder, **env)


def test_it_knows_where_things_are_when_nobody_says(install: Install) -> None:
    share, etc = install.home / ".local/share/vigie", install.home / ".config/vigie"
    for folder, name in ((share, "vigie.db"), (etc, "vigie.yaml")):
        folder.mkdir(parents=True)
        (folder / name).write_text("")
    install.database, install.config, install.options = share / "vigie.db", etc / "vigie.yaml", {}
    install.keep()
    assert install.shown()
    (etc / "vigie.yaml").unlink()
    assert install.shown() == b""  # the screen tells of a configuration


def test_no_program_but_stat_is_needed(install: Install) -> None:
    tools = install.folder / "tools"
    tools.mkdir()
    for name in ("stat", "sh"):
        (tools / name).symlink_to(shutil.which(name) or "")
    (tools / "setsid").symlink_to(shutil.which("setsid") or "")
    install.keep()
    assert install.shown(PATH=str(tools))
    (tools / "stat").unlink()
    assert install.shown(PATH=str(tools)) == b""


def test_through_links_and_by_its_bare_name(install: Install) -> None:
    install.keep()
    there = install.folder / "local bin"
    there.mkdir()
    (there / "vigie").symlink_to(os.path.relpath(install.vigie, there))
    install.vigie, venv = there / "vigie", install.vigie
    with install.start() as terminal:
        terminal.wait_until(lambda _: re.search(rb"READY \d s old -SP " + re.escape(os.fsencode(venv)), terminal.raw))
    assert install.shown(["env", f"PATH={there}:{os.environ['PATH']}"], None)


def test_without_an_environment_the_python_of_the_path_is_started(install: Install) -> None:
    (install.folder / "venv" / "pyvenv.cfg").unlink()
    tools = install.folder / "tools"
    tools.mkdir()
    install.python.rename(tools / "python3")
    install.python = tools / "python3"
    install.keep()
    with install.start(PATH=f"{tools}:{os.environ['PATH']}") as terminal:
        terminal.wait_for(r"READY \d s old /")
        assert ENTER in terminal.raw


def test_a_python_that_cannot_be_started_leaves_the_shell_s_screen(install: Install, shell: list[str]) -> None:
    install.python.write_text("#!/no/such/interpreter\n")
    install.keep()
    with install.start(shell) as terminal:
        assert terminal.wait_exit() in (126, 127)
        terminal.wait_until(lambda _: b"\x1b[?1049l" in terminal.raw)
        assert terminal.raw.count(ENTER) == terminal.raw.count(b"\x1b[?1049l") == 1
        assert b"\x1b[?25h" in terminal.raw and b"\x1b[?7h" in terminal.raw


def test_a_python_without_vigie_says_so_on_the_shell_s_screen(install: Install) -> None:
    install.python.unlink()
    install.python.symlink_to(os.path.realpath(sys.executable))
    install.keep()
    with install.start(PYTHONPATH="") as terminal:
        assert terminal.wait_exit() == 2
        terminal.wait_for(r"does not have Vigie")
        assert terminal.raw.index(b"\x1b[?1049l") < terminal.raw.index(b"does not have")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGTSTP])
def test_signals_before_python_listens_leave_no_broken_screen(install: Install, number: signal.Signals) -> None:
    install.python.write_text(f'#!/bin/sh\nkill -{int(number)} $$\nprintf "still here"; exit 7\n')
    install.keep()
    with install.start() as terminal:
        assert terminal.wait_exit() == 7
        terminal.wait_until(lambda _: b"still here" in terminal.raw)


def test_what_stands_there_is_cut_where_the_terminal_ends() -> None:
    pieces = [(0, 1, "title"), (2, 3, "0123456789"), (5, 0, "below"), (2, 90, "beyond")]
    rows = launched.rows_of(pieces, 10, 4)
    assert rows == [" title    ", " " * 7 + "\0\0\0", "   012345\0", " " * 10]


def test_what_the_environment_claims_is_taken_out_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_LAUNCHED", "5 s old")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        monkeypatch.setattr(launched, "_HANDLE", nothing.fileno())
        assert launched.pieces_shown(os.environ) == []
    assert "VIGIE_LAUNCHED" not in os.environ
    assert launched.pieces_shown(os.environ) is None


def test_a_shell_can_ask_for_the_words_that_fit() -> None:
    asked = {"_VIGIE_COMPLETE": "bash_complete", "COMP_WORDS": "vigie stat", "COMP_CWORD": "1"}
    vigie = Path(sys.executable).with_name("vigie")
    done = subprocess.run([vigie], env={**os.environ, **asked}, capture_output=True, text=True, timeout=60)
    assert done.stdout == "plain,status\n", done.stderr


# ── with the console behind it ───────────────────────────────────────────────────────────────────────────────────────

# What a folder of packages runs when Python starts: the start stands still where a test wants it to.
HOOK = """
import os
import screens.cover as cover
def lay(self, environ, lay=cover.Cover.lay):
    wait("before")
    lay(self, environ)
    wait("after")
    import screens.opening
    from dataclasses import replace
    screens.opening._FIRST_S = 20
    deps = screens.opening.deps_from
    screens.opening.deps_from = lambda start: replace(deps(start), watching=False)
def wait(when):
    if os.environ.get("GATE_AT") == when:
        with open(os.environ["GATE"], "w") as gate:
            gate.write("here")
        open(os.environ["GATE"]).read()
cover.Cover.lay = lay
"""


class Yard(Install):
    """The same with the real Python, and a console that has been opened and left once."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.python.unlink()
        self.python.symlink_to(sys.executable)
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        self.packages = folder / "venv" / "lib" / version / "site-packages"
        self.packages.mkdir(parents=True)
        places = [str(REPO), *(path for path in sys.path if path.endswith("site-packages"))]
        (self.packages / "here.pth").write_text("\n".join([*places, "import hook", ""]))
        (self.packages / "hook.py").write_text(HOOK)
        self.database.unlink()
        self.config.write_text(CONFIG)
        self.gate = folder / "gate"
        os.mkfifo(self.gate)
        self.env |= {"GATE": str(self.gate), "TZ": "UTC"}

    @property
    def launch(self) -> list[Path]:
        return sorted((self.home / ".cache" / "vigie" / "launch").glob("*"))

    def wait_at_gate(self) -> None:
        assert self.gate.read_text() == "here"

    def open_gate(self) -> None:
        self.gate.write_text("")

    def open_and_leave(self) -> None:
        command = [sys.executable, "-P", "-m", "screens.main", "--db", str(self.database), "--config", str(self.config)]
        subprocess.run([*command, "watch", "--once"], env={**os.environ, **self.env}, capture_output=True, timeout=60)
        with self.start() as terminal:
            terminal.wait_for("gate/port")
            terminal.press("q")
            assert terminal.wait_exit() == 0


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    yard = Yard(tmp_path_factory.mktemp("yard"))
    yard.open_and_leave()
    assert [file.stat().st_mode & 0o777 for file in yard.launch] == [0o600]
    return yard


@pytest.fixture
def yard(opened: Yard) -> Iterator[Yard]:
    files = {file: file.read_bytes() for file in opened.launch}
    yield opened
    for file, data in files.items():
        file.write_bytes(data)


def cooked(terminal: Terminal) -> bool:
    flags = termios.tcgetattr(terminal.master)[3]
    return bool(flags & termios.ECHO) and bool(flags & termios.ICANON)


def test_python_goes_on_from_what_stands_there(yard: Yard) -> None:
    with yard.start(GATE_AT="after") as terminal:
        yard.wait_at_gate()
        terminal.wait_for(r"kept screen, .* old - opening")
        assert "gate/port" in terminal.screen and not cooked(terminal)
        yard.open_gate()
        terminal.wait_gone("kept")
        terminal.wait_for("gate/port")
        raw = bytes(terminal.raw)
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert cooked(terminal)
    assert raw.count(ENTER) == 1  # entering it again would erase it
    assert raw.count(b"\x1b[2J") == 1  # only what differs was painted over


def rows(screen: str) -> list[str]:
    return [line[:60] for line in screen.split("\n")[3:]]


def is_settled(screen: str) -> bool:
    return "enter detail" in screen and "no incident" in screen and "kept" not in screen


@pytest.mark.parametrize(
    "typed",
    [b"", b"Dx\rmore\r", *(pytest.param(keys, marks=pytest.mark.slow) for keys in (b"DD\x7fx", b"\x1b[A", b"D\x15"))],
    ids=repr,
)
def test_nothing_of_it_is_left_whatever_was_typed_meanwhile(yard: Yard, typed: bytes) -> None:
    """Cell for cell the screen of a console that shows no kept one, although the terminal has echoed what was typed."""
    with yard.start(VIGIE_KEPT="off") as terminal:
        expected = rows(terminal.wait_until(is_settled))
    with yard.start(GATE_AT="before") as terminal:
        yard.wait_at_gate()
        terminal.wait_for("kept screen")
        assert cooked(terminal)
        os.write(terminal.master, typed)
        terminal.wait_until(lambda _: not typed or terminal.raw[-3:] != b"99H")  # echoed
        yard.open_gate()
        terminal.wait_gone("kept")
        terminal.press("esc")
        terminal.press("esc")
        for _ in range(3):
            terminal.press("ctrl+c")
        terminal.wait_until(lambda screen: is_settled(screen) and rows(screen) == expected, what="the same screen")


def test_what_was_typed_before_python_listens_is_not_lost(yard: Yard) -> None:
    with yard.start(GATE_AT="before") as terminal:
        yard.wait_at_gate()
        terminal.wait_for("kept screen")
        os.write(terminal.master, b"Dthe gate is stuck")
        terminal.wait_until(lambda _: terminal.raw.endswith(b"stuck"))
        yard.open_gate()
        terminal.wait_gone("kept")
        terminal.wait_for("the gate is stuck")
        assert ">" in terminal.line_with("the gate is stuck")
        terminal.press("esc")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_once_python_listens_gives_the_terminal_back(yard: Yard, number: signal.Signals) -> None:
    with yard.start(GATE_AT="after") as terminal:
        yard.wait_at_gate()
        terminal.wait_for("kept screen")
        terminal.signal(number)
        assert terminal.wait_exit() == (130 if number == signal.SIGINT else -int(number))
        terminal.wait_until(lambda _: terminal.raw.endswith(b"\x1b[?1049l"))
        assert cooked(terminal)


FILL = """
import os
os.set_blocking(1, False)
try:
    while True:
        os.write(1, b"x")
except BlockingIOError:
    os.set_blocking(1, True)
"""


@pytest.mark.parametrize("end", [False, True], ids=["resumed", "ended"])
def test_a_terminal_that_takes_nothing_is_waited_for_but_not_on_sigterm(install: Install, end: bool) -> None:
    """A shell can't write without waiting: until the terminal takes something again, nobody could see a console anyway."""
    install.keep()
    command = 'read -r go; "$1" -c "$2"; shift 2; exec "$@"'
    argv = ["sh", "-c", command, "sh", sys.executable, FILL, str(install.vigie), *install.argv]
    with Terminal(argv, env=install.env) as terminal:
        terminal.stall()
        terminal.type("\r")
        words = Path(f"/proc/{terminal.process.pid}/cmdline")
        terminal.wait_until(lambda _: str(install.vigie).encode() in words.read_bytes().split(b"\0")[:2])
        if end:
            terminal.signal(signal.SIGTERM)
            assert terminal.wait_exit() == -signal.SIGTERM
        else:
            terminal.resume()
            terminal.wait_for("READY")


def test_a_console_of_the_stock_driver_goes_on_too(yard: Yard) -> None:
    with yard.start(VIGIE_DRIVER="stock") as terminal:
        terminal.wait_for("enter detail")
        terminal.wait_gone("kept")
        assert terminal.raw.count(ENTER) == 1


def test_children_do_not_inherit_what_the_launcher_said(yard: Yard) -> None:
    (yard.packages / "hook.py").write_text(
        HOOK + "\nimport atexit\n"
        "def said(file=os.environ['HOME'] + '/said'):\n"
        "    open(file, 'w').write(repr((os.environ.get('VIGIE_LAUNCHED'), os.path.exists('/proc/self/fd/3') and"
        " os.readlink('/proc/self/fd/3'))))\n"
        "atexit.register(said)\n"
    )
    try:
        with yard.start() as terminal:
            terminal.wait_for("enter detail")
            assert ENTER in terminal.raw
            terminal.press("q")
            assert terminal.wait_exit() == 0
    finally:
        (yard.packages / "hook.py").write_text(HOOK)
    said = (yard.home / "said").read_text()
    assert said.startswith("(None") and "launch" not in said
