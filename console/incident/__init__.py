"""Incidents: the scribe line, the fold, actions, metrics, import."""
