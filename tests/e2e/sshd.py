"""A real ``sshd`` on loopback, reached through a link that a test can cut or freeze."""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import select
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.tools import servers

_START_S = 20.0


class Link:
    """A TCP relay to *port*: what goes through it can be frozen (nothing passes) or cut (both ends see the end)."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._closed = False
        threading.Thread(target=self._accept, name="link", daemon=True).start()

    def freeze(self) -> None:
        """Nothing passes any more, and nobody is told: a lost network."""
        self._flowing.clear()

    def thaw(self) -> None:
        """It passes again."""
        self._flowing.set()

    def cut(self) -> None:
        """Every connection ends now, as when a NAT or a firewall resets it."""
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._flowing.set()

    def close(self) -> None:
        """End everything."""
        self._closed = True
        self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            self._pairs.append((near, far))
            threading.Thread(target=self._relay, args=(near, far), name="relay", daemon=True).start()

    def _relay(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        try:
            while True:
                ready, _, _ = select.select([near, far], [], [])
                for source in ready:
                    data = source.recv(65_536)
                    if not data:
                        return
                    self._flowing.wait()
                    other[source].sendall(data)
        except OSError:
            pass
        finally:
            near.close()
            far.close()


class Sshd:
    """One server, for the user who runs the tests. ``link`` is what clients go through."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sshd = servers.require("sshd")
        self._ssh = servers.require("ssh")
        self._keygen = servers.require("ssh-keygen")
        folder.mkdir(mode=0o700)
        for name in ("host", "client"):
            subprocess.run([self._keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        (folder / "authorized").write_text((folder / "client.pub").read_text())
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self._configure()
        self._log = (folder / "sshd.log").open("wb")
        self.process = subprocess.Popen(
            self._command(), stdin=subprocess.DEVNULL, stderr=self._log, env=servers.environment(), cwd="/"
        )
        self._wait()
        self.link = Link(self.port)

    def _configure(self) -> None:
        f = self.folder
        (f / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {f}/host\nAuthorizedKeysFile {f}/authorized\n"
            f"PidFile {f}/sshd.pid\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nPrintMotd no\nPrintLastLog no\n"
            "PermitUserEnvironment no\nX11Forwarding no\nAcceptEnv *\nLogLevel VERBOSE\n"
        )

    def _command(self) -> list[str]:
        sshd = [os.fspath(self._sshd), "-D", "-e", "-f", os.fspath(self.folder / "sshd_config")]
        if os.getuid() != 0:
            return sshd
        try:
            pwd.getpwnam("sshd")
            if Path("/run/sshd").is_dir():
                return sshd
        except KeyError:
            pass
        # As root, sshd wants a user of its own and /run/sshd. It gets both in a mount namespace: this host stays as it is.
        passwd, shadow = self.folder / "passwd", self.folder / "shadow"
        passwd.write_text(Path("/etc/passwd").read_text().rstrip("\n") + "\nsshd:x:65533:65534::/run/sshd:/bin/false\n")
        shadow.write_text("root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n")
        shadow.chmod(0o600)
        steps = (
            f"mount --bind {shlex.quote(os.fspath(passwd))} /etc/passwd && "
            f"mount --bind {shlex.quote(os.fspath(shadow))} /etc/shadow && "
            "mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec " + shlex.join(sshd)
        )
        return ["unshare", "--mount", "--", "sh", "-c", steps]

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    if probe.recv(4) == b"SSH-":
                        return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                self.process.wait()
                self._log.close()
                said = (self.folder / "sshd.log").read_text(errors="replace").strip().splitlines()
                pytest.skip(f"{servers.MISSING}sshd does not start here: {said[-1] if said else 'no word'}")
            time.sleep(0.02)

    def client(self, command: Sequence[str | os.PathLike[str]], *options: str) -> list[str]:
        """The argv of an ``ssh -t`` that runs *command* on the other side of the link."""
        remote = shlex.join(os.fspath(part) for part in command)
        settings = {
            "IdentityFile": self.folder / "client",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.folder / "known_hosts",
            "StrictHostKeyChecking": "accept-new",
            "LogLevel": "ERROR",
            "EscapeChar": "none",
            "SendEnv": "VIGIE_* HOME XDG_* LANG",
        }
        chosen = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
        user = getpass.getuser()
        # -F /dev/null: the user's own configuration must not change what is tested.
        return [
            *(os.fspath(self._ssh), "-tt", "-F", "/dev/null", "-p", str(self.link.port), *chosen, *options),
            *(f"{user}@127.0.0.1", remote),
        ]

    def close(self) -> None:
        """Stop the server; its sessions end with their connections."""
        self.link.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()


@contextlib.contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """A server for one test; skips, by name, where none can run."""
    server = Sshd(folder)
    try:
        yield server
    finally:
        server.close()
