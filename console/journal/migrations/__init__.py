"""Numbered SQL migrations of the journal, read as data; additive only, so that older processes may stay open."""
