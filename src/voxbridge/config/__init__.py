"""Typed settings and how they are read: ``load`` gives ``Settings`` or a ConfigError that says how to mend it."""

from voxbridge.config.describe import describe, secret_values, template
from voxbridge.config.load import Loaded, find_file, inline_secrets, load, load_noting, settings_in
from voxbridge.config.settings import Settings

__all__ = [
    "Loaded",
    "Settings",
    "describe",
    "find_file",
    "inline_secrets",
    "load",
    "load_noting",
    "secret_values",
    "settings_in",
    "template",
]
