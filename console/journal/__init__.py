"""The append-only, hash-chained record of everything that happens, in SQLite."""
