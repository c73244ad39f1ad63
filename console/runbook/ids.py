"""Stable ids for runbooks and steps: made of their titles, each once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from console.runbook import lexicon


def slug(text: str) -> str:
    """A stable id from a title: folded words joined by ``-``; letters of any script stay."""
    return re.sub(r"\s+", "-", lexicon.fold(text))[:60].strip("-")


@dataclass
class Names:
    """Ids that are taken."""

    taken: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)

    def new(self, wanted: str, fallback: str) -> str:
        """*wanted*, or *fallback* where it is empty, with a number behind it where it is taken."""
        base = wanted or fallback
        name = base
        while name in self.taken:
            self.counts[base] = self.counts.get(base, 1) + 1
            name = f"{base}-{self.counts[base]}"
        self.taken.add(name)
        return name
