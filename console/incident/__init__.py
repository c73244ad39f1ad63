"""Incidents: the scribe line, actions, the fold, metrics, the timeline, imports."""
