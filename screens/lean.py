"""What of Textual a console never uses is not imported: its palette, toasts and tooltips, TLS on the event loop.

While Textual is imported, names without anything behind them stand for these; afterwards each can be imported as ever.
What is used rarely, and only in functions, stands there as :class:`_Later`, and is imported when it is used.
A Textual that is made otherwise is imported whole.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable
from types import ModuleType
from typing import Any

# The console makes none of these; what saves screenshots asks platformdirs where downloads go.
_STAND_INS = {
    "textual.command": (
        "CommandListItem", "CommandPalette", "DiscoveryHit", "Hit", "Hits", "Provider", "SimpleProvider",
    ),
    "textual.widgets._toast": ("Toast", "ToastRack"),
    "textual.widgets._tooltip": ("Tooltip",),
    "platformdirs": ("user_downloads_path",),
    "rich.table": ("Table",),  # shows a theme's colours to who makes one
}  # fmt: skip
# Whole modules of which something is asked only when a function of another one is called.
_LATER = ("ipaddress", "locale", "textwrap", "tokenize", "msgspec.inspect", "msgspec._json_schema")
# Functions that others take out of these: the links of a style, what a misspelt rule might have been.
_CALLED_LATER = {
    "difflib": ("get_close_matches",),
    "pickle": ("dumps", "loads"),
    "random": ("getrandbits",),
    "uuid": ("uuid4",),
}
_TLS = "ssl"  # asyncio goes without it where it can't be imported; see give_tls_back
_ASYNCIO_TLS = ("asyncio.base_events", "asyncio.selector_events", "asyncio.sslproto")


class _Later(ModuleType):
    """Stands for a module until something is asked of it; goes on asking that one for whoever has kept it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what the machinery of imports asks is not for the module itself
            raise AttributeError(name)
        return getattr(_real(self), name)


class _Typing(_Later):
    """``typing_extensions``: nearly everything that Textual takes from it is Python's own by now."""

    def __getattr__(self, name: str) -> Any:
        return getattr(typing, name) if hasattr(typing, name) else super().__getattr__(name)


def _real(stand_in: ModuleType) -> ModuleType:
    from importlib import import_module

    name = stand_in.__name__
    if sys.modules.get(name) is stand_in:
        del sys.modules[name]
    return import_module(name)


def _calling(module: ModuleType, name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **more: Any) -> Any:
        return getattr(_real(module), name)(*arguments, **more)

    return call


def _later() -> dict[str, ModuleType]:
    found: dict[str, ModuleType] = {name: _Later(name) for name in _LATER if name not in sys.modules}
    if "typing_extensions" not in sys.modules:
        found["typing_extensions"] = _Typing("typing_extensions")
    for name, functions in _CALLED_LATER.items():
        if name not in sys.modules:
            found[name] = _Later(name)
            for function in functions:
                setattr(found[name], function, _calling(found[name], function))
    return found


def import_textual() -> None:
    """Import ``textual.app`` without what is named here."""
    if "textual.app" in sys.modules or any(name in sys.modules for name in _STAND_INS):
        return
    standing: dict[str, ModuleType | None] = {}
    for module, names in _STAND_INS.items():
        standing[module] = ModuleType(module, "Stands where a module would be while Textual is imported.")
        for name in names:
            setattr(standing[module], name, type(name, (), {}))
    if not any(name in sys.modules for name in (_TLS, *_ASYNCIO_TLS)):
        standing[_TLS] = None
    standing.update(_later())
    sys.modules.update(standing)  # type: ignore[arg-type]  # None is how Python writes "not to be had"
    try:
        _import()
    except (ImportError, AttributeError, KeyError, TypeError):  # another Textual than the one this was made for
        for name in [
            name for name in sys.modules if name in standing or name.partition(".")[0] in ("textual", *standing)
        ]:
            del sys.modules[name]
        import textual.app  # noqa: F401
    else:
        import msgspec  # noqa: F401  # what decodes the first data, without what describes types
    finally:
        for name, stand_in in standing.items():
            if name in sys.modules and sys.modules[name] is stand_in:
                del sys.modules[name]


def _import() -> None:
    import textual.app
    import textual.drivers.linux_driver  # noqa: F401
    from textual import widgets

    lazy: dict[str, type] = vars(widgets)["_WIDGETS_LAZY_LOADING_CACHE"]
    for name in [name for name, widget in lazy.items() if widget.__module__ == __name__]:
        del lazy[name]


def give_tls_back() -> None:
    """asyncio was imported without TLS: from now on it has it."""
    import ssl

    for name in _ASYNCIO_TLS:
        module = sys.modules.get(name)
        if module is not None and getattr(module, _TLS, ssl) is None:
            module.ssl = ssl  # type: ignore[attr-defined]
            if name == "asyncio.sslproto":
                module.SSLAgainErrors = (ssl.SSLWantReadError, ssl.SSLSyscallError)  # type: ignore[attr-defined]
