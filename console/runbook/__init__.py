"""Runbooks: reading, finding, running."""
