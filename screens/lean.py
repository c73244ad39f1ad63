"""What of Textual a console never uses is not imported: its palette, toasts and tooltips, TLS on the event loop.

While Textual is imported, names without anything behind them stand for these; afterwards each can be imported as ever.
A Textual that is made otherwise is imported whole.
"""

from __future__ import annotations

import sys
from types import ModuleType

# The console makes none of these; what saves screenshots asks platformdirs where downloads go.
_STAND_INS = {
    "textual.command": (
        "CommandListItem", "CommandPalette", "DiscoveryHit", "Hit", "Hits", "Provider", "SimpleProvider",
    ),
    "textual.widgets._toast": ("Toast", "ToastRack"),
    "textual.widgets._tooltip": ("Tooltip",),
    "platformdirs": ("user_downloads_path",),
}  # fmt: skip
_TLS = "ssl"  # asyncio goes without it where it can't be imported; see give_tls_back
_ASYNCIO_TLS = ("asyncio.base_events", "asyncio.selector_events", "asyncio.sslproto")


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
    sys.modules.update(standing)  # type: ignore[arg-type]  # None is how Python writes "not to be had"
    try:
        _import()
    except (ImportError, AttributeError, KeyError, TypeError):  # another Textual than the one this was made for
        for name in [name for name in sys.modules if name.partition(".")[0] in ("textual", *standing)]:
            del sys.modules[name]
        import textual.app  # noqa: F401
    finally:
        for name, stand_in in standing.items():
            if name in sys.modules and sys.modules[name] is stand_in:
                del sys.modules[name]


def _import() -> None:
    import textual.app  # noqa: F401
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
