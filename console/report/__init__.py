"""What is written down: the postmortem and the sitrep."""
