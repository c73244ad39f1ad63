"""What of Textual a console never uses is not imported: its command palette, which brings five widgets along.

A Textual that is made otherwise is imported whole.
"""

from __future__ import annotations

import sys
from types import ModuleType

_PALETTE = "textual.command"
_NAMES = ("CommandListItem", "CommandPalette", "DiscoveryHit", "Hit", "Hits", "Provider", "SimpleProvider")


def import_textual() -> None:
    """Import ``textual.app`` without its command palette. The real module can be imported later: this leaves no trace."""
    if "textual.app" in sys.modules or _PALETTE in sys.modules:
        return
    stand_in = ModuleType(_PALETTE, "Stands where Textual's command palette would be while Textual is imported.")
    for name in _NAMES:
        setattr(stand_in, name, type(name, (), {}))
    sys.modules[_PALETTE] = stand_in
    try:
        import textual.app
    except (ImportError, AttributeError, TypeError):  # another Textual than the one this was made for
        for name in [name for name in sys.modules if name.partition(".")[0] == "textual"]:
            del sys.modules[name]
        import textual.app  # noqa: F401
    finally:
        if sys.modules.get(_PALETTE) is stand_in:
            del sys.modules[_PALETTE]
