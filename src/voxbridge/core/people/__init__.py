"""Who may be heard, who is told what, and where we go: decided on facts and the time."""
