"""Textual without what a console never uses: nothing of the stand-ins stays, and TLS on the loop comes back."""

from __future__ import annotations

import subprocess
import sys
import textwrap

STAYS = """
import sys
from screens.lean import import_textual
import_textual()
for name in ("ssl", "platformdirs", "textual.command", "textual.widgets._toast", "textual.widgets._tooltip"):
    assert name not in sys.modules, name
from textual.command import Provider
from textual.widgets import Tooltip
from textual.widgets._toast import Toast
from textual.widget import Widget
import platformdirs
assert issubclass(Tooltip, Widget) and issubclass(Toast, Widget) and Provider.__module__ == "textual.command"
assert platformdirs.user_downloads_path()
"""
# What stands for a module until it is used is as good as the module.
LATER = """
import sys
from screens.lean import import_textual
import_textual()
import screens.app
for name in (
    "ipaddress", "locale", "textwrap", "tokenize", "typing_extensions", "msgspec.inspect", "difflib", "pickle",
    "rich.table",
):
    assert name not in sys.modules, name
import traceback, linecache, urllib.parse, msgspec, subprocess
import rich.style, textual.suggestions, textual.notifications, textual.constants
assert traceback.textwrap.indent("a", "b") == "ba"
assert linecache.getline(linecache.__file__, 1).startswith('\"\"\"')
assert urllib.parse.urlsplit("http://[::1]:9/").hostname == "::1"
assert msgspec.inspect.type_info(int) == msgspec.inspect.IntType()
assert msgspec.json.schema(int) == {"type": "integer"}
assert subprocess.run(["echo", "x"], capture_output=True, text=True).stdout == "x\\n"
assert rich.style.Style.from_meta({"@click": "x"}).meta == {"@click": "x"}
assert rich.style.Style(link="http://x").link_id != rich.style.Style(link="http://x").link_id
assert textual.suggestions.get_suggestion("colr", ["color", "width"]) == "color"
assert textual.notifications.Notification("x").identity != textual.notifications.Notification("x").identity
import ipaddress, pickle, random, typing_extensions, uuid
from rich.table import Table
assert pickle.loads(pickle.dumps(uuid.UUID(int=1))) == uuid.UUID(int=1) and random.random() < 1
assert ipaddress.ip_address("::1").is_loopback and typing_extensions.deprecated and Table().columns == []
"""
# A server that answers with no TLS: what the handshake says is of the ssl module, not that there is none.
TLS = """
import sys
from screens.lean import give_tls_back, import_textual
import_textual()
assert "ssl" not in sys.modules
give_tls_back()
import asyncio, ssl

async def main():
    async def plain(reader, writer):
        writer.write(b"220 mail at your service\\r\\n")
        await writer.drain()
        writer.close()
    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        await asyncio.open_connection("127.0.0.1", port, ssl=ssl.create_default_context())
    except ssl.SSLError as error:
        return error.reason
    finally:
        server.close()

assert asyncio.run(main()), "the handshake has not failed"
"""
OTHER = """
import sys, types
sys.modules["textual.widgets"] = types.ModuleType("textual.widgets")  # a Textual that is made otherwise
from screens.lean import import_textual
import_textual()
from textual.app import App
from textual.widgets import Static
from textual.widgets._toast import ToastRack
import textual.screen
assert textual.screen.ToastRack is ToastRack
"""


def run(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_stood_in_is_gone_and_the_real_modules_can_be_imported() -> None:
    run(STAYS)


def test_tls_on_the_event_loop_comes_back() -> None:
    run(TLS)


def test_what_stands_for_a_module_until_it_is_used_is_as_good_as_the_module() -> None:
    run(LATER)


def test_another_textual_is_imported_whole() -> None:
    run(OTHER)
