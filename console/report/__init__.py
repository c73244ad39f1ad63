"""What is handed to people: the postmortem and the sitrep."""
