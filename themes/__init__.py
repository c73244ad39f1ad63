"""Colour themes (YAML) and the global style sheet, read as data."""
