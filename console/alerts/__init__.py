"""Alerts of other systems, and rules that are evaluated here: Alertmanager, Prometheus, merging, silences."""
