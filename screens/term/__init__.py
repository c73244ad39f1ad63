"""What the terminal driver is made of: cells, styles, the difference of two frames, pacing, the tty. No Textual in here."""
