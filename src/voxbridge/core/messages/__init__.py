"""All that a person reads in Discord, or hears from the bridge itself: one catalogue, a file for each language."""
