"""Sample n8n workflows, to be imported: Webhook and Chat Trigger, each with an AI Agent and without any model.

Imported, published and talked to with n8n 2.8.4 and 2.40.7. The model's node stands for any.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources


def samples() -> Mapping[str, str]:
    """Return the text of each workflow by its file name, sorted."""
    files = (each for each in resources.files(__name__).iterdir() if each.name.endswith(".json"))
    return {each.name: each.read_text(encoding="utf-8") for each in sorted(files, key=lambda each: each.name)}
