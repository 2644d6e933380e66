"""Tools for a model, by the Model Context Protocol."""
