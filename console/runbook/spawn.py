"""Starting a command so that nothing of it stands in an argument list, and nothing of ours leaks into it.

A script goes to its shell by file descriptor (``bash /dev/fd/N`` on an anonymous file), values by environment. The
command has a session of its own, ``/dev/null`` as input, and one pipe (or pseudo-terminal) for all that it writes.
The supervisor imports this before it starts a command: nothing heavy here.
"""

from __future__ import annotations

import os
import signal

# What Python or a shell such as nohup changed; a command expects the defaults.
_RESTORED = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGPIPE,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCHLD,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGXFSZ,
)
_PIPE_BYTES = 1 << 20
F_SETPIPE_SZ = 1031


class SpawnError(Exception):
    """The command could not be started; ``str()`` is one line, ``code`` what a shell would exit with (126 or 127)."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def spawn(
    argv: list[str],
    *,
    script: str | None = None,
    env: dict[str, str],
    cwd: str,
    pty: tuple[int, int] | None = None,
    stdin: int = -1,
    apart: bool = False,
) -> tuple[int, int, int]:
    """Start *argv* (with the path of *script* as its last argument): ``(pid, descriptor to read its output from, one for
    standard error or -1)``; *apart* asks for the second one.

    *pty* is ``(rows, columns)`` of a pseudo-terminal to write to: it is not the command's controlling terminal, so what
    would prompt for a password fails at once instead of waiting unseen. *stdin* is a descriptor to read from.
    Raises :class:`SpawnError`.
    """
    source = -1
    if script is not None:
        source = anonymous_file(script)
        argv = [*argv, f"/dev/fd/{source}"]
    reader, writer = _terminal(pty) if pty else _pipe()
    err_reader, err_writer = _pipe() if apart and not pty else (-1, -1)
    told, tell = os.pipe2(os.O_CLOEXEC)
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        become(argv, env, cwd, tell, (stdin if stdin >= 0 else null, writer, err_writer if err_writer >= 0 else writer))
    for handle in (writer, err_writer, tell, null, source, stdin):
        if handle >= 0:
            os.close(handle)
    word = os.read(told, 64)
    os.close(told)
    if word:
        os.close(reader)
        if err_reader >= 0:
            os.close(err_reader)
        os.waitpid(pid, 0)
        where, _, number = word.decode().partition(":")
        raise explain(where, int(number), argv[0], cwd)
    return pid, reader, err_reader


def become(
    argv: list[str], env: dict[str, str], cwd: str, tell: int, stdio: tuple[int, int, int], *, tty: bool = False
) -> None:
    """In the child: never returns. *tty*: its input becomes its controlling terminal."""
    where = "start"
    try:
        os.setsid()
        if tty:
            import fcntl
            import termios

            fcntl.ioctl(stdio[0], termios.TIOCSCTTY, 0)
        for number in _RESTORED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        raised = [os.dup(handle) if handle < 3 else handle for handle in stdio]
        for target, handle in enumerate(raised):
            os.dup2(handle, target, inheritable=True)
        where = "cwd"
        os.chdir(cwd)
        where = "exec"
        os.execvpe(argv[0], argv, env)  # noqa: S606 - no shell in between is the point
    except OSError as error:
        os.write(tell, f"{where}:{error.errno or 0}".encode())
    except ValueError:
        os.write(tell, f"{where}:22".encode())
    finally:
        os._exit(127)


def explain(where: str, number: int, program: str, cwd: str) -> SpawnError:
    """The error that :func:`become` told of: *where* it was, and errno."""
    import errno

    what = os.strerror(number)
    if where == "cwd":
        return SpawnError(f"can't start in {cwd}: {what}", 126)
    if where == "exec" and number == errno.ENOENT:
        return SpawnError(f"{program}: not found", 127)
    return SpawnError(f"{program}: {what}", 126)


def anonymous_file(script: str) -> int:
    """A descriptor that a child inherits, at the start of *script*; it has no name in any folder."""
    handle = os.memfd_create("script", 0)
    rest = memoryview(script.encode("utf-8", "surrogateescape"))
    while rest:
        rest = rest[os.write(handle, rest) :]
    os.lseek(handle, 0, os.SEEK_SET)
    os.set_inheritable(handle, True)
    return handle


def _pipe() -> tuple[int, int]:
    import fcntl

    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        fcntl.fcntl(reader, F_SETPIPE_SZ, _PIPE_BYTES)  # room for a burst while we are busy
    except OSError:
        pass  # the user's limit; the default size does
    return reader, writer


def _terminal(size: tuple[int, int]) -> tuple[int, int]:
    import fcntl
    import struct
    import termios

    reader, writer = os.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    return reader, writer
