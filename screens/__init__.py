"""Everything that imports Textual: the application, its screens, widgets and dialogs."""
