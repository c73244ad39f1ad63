"""Small widgets drawn with Textual's line API: they repaint only what changed."""
