"""Amounts of bytes: for people, and out of the configuration."""

from __future__ import annotations

from typing import Final

from console.watch.quantity import quantity

_STEPS: Final = ("B", "kB", "MB", "GB", "TB", "PB")


def bytes_text(size: float) -> str:
    """``512 B``, ``1.5 GB``, ``20 GB``: powers of 1000, two or three digits."""
    step = 0
    while size >= 999.5 and step < len(_STEPS) - 1:
        size /= 1000
        step += 1
    return f"{size:.0f} {_STEPS[step]}" if step == 0 or size >= 9.95 else f"{size:.1f} {_STEPS[step]}"


def parse_bytes(text: str | int) -> float:
    """``5GB``, ``512MiB`` or a bare number of bytes. Raises ``ValueError`` with what was expected."""
    if isinstance(text, int):
        return float(text)
    found = quantity(text.strip())
    if found is None or found < 0 or text.strip()[-1] not in "B0123456789":
        raise ValueError(f"expected a size such as 5GB or 512MiB, got {text!r}")
    return found
