"""The engine of Vigie: journal, incidents, runbooks, checks, reports and the command line. No Textual in here."""
