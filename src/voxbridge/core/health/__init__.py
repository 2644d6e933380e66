"""Whether a backend may be asked, and when again."""
