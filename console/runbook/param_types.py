"""What a parameter's value must look like, by its type. Pure; a value that is refused never reaches a command."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from console.runbook.model import Param
from console.runbook.remote import is_host

_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+|\d+")
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]+[^\s]*")


def _is_int(value: str) -> bool:
    return re.fullmatch(r"[+-]?\d{1,18}", value) is not None


def _is_number(value: str) -> bool:
    return re.fullmatch(r"[+-]?(?:\d{1,18}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", value) is not None


_FITS: Final[dict[str, tuple[Callable[[str], bool], str]]] = {
    "int": (_is_int, "a whole number"),
    "number": (_is_number, "a number"),
    "bool": (lambda value: value in ("true", "false"), "true or false"),
    "host": (is_host, "a host's name"),
    "port": (lambda value: _is_int(value) and 1 <= int(value) <= 65_535, "a port, 1 to 65535"),
    "duration": (lambda value: _DURATION.fullmatch(value) is not None, "a duration such as 90s, 5m, 1h30m"),
    "path": (lambda value: not value.startswith("-") and "\0" not in value, "a path, without a dash in front"),
    "url": (lambda value: _URL.fullmatch(value) is not None, "a URL with its scheme"),
}


def refusal(param: Param, value: str) -> str:
    """Why *value* is not one of the parameter's type or outside its limits, in a few words; "" when it is fine."""
    if value == "" and not param.required:
        return ""
    fits, wanted = _FITS.get(param.type, (lambda value: True, ""))
    if not fits(value):
        return f"expected {wanted}"
    if param.type in ("int", "number", "port"):
        number = float(value)
        if param.minimum is not None and number < param.minimum:
            return f"expected at least {param.minimum:g}"
        if param.maximum is not None and number > param.maximum:
            return f"expected at most {param.maximum:g}"
    return ""
