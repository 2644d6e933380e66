"""docs/messages.md, made of the catalogue: ``python -m tests.unit.core.messages.messages_page`` writes it anew."""

from __future__ import annotations

from pathlib import Path

from voxbridge.core.messages import en
from voxbridge.core.messages.catalogue import LANGUAGES, gaps_of

PAGE = Path(__file__).parents[4] / "docs" / "messages.md"
HEAD = """\
# Messages

All that VoxBridge itself writes in Discord, and the two apologies that it speaks. VoxBridge has them in {languages}.
Notices are in the language of the server (Server Settings, Community: a server without Community is English).
Answers to slash commands are in the language of whoever types them. `[discord] language` sets one language for all.

You can replace any of them in `[discord] texts`, for all languages or for one. Words in braces are gaps: VoxBridge
fills them in, and you may leave them out.

```toml
[discord]
language = "de"

[discord.texts]
agent_down = "The assistant is asleep. Please wait."
"de.agent_down" = "Der Assistent schläft gerade."
```

An apology is spoken in the language that is spoken there (`stt.language`, `stt.languages`), not in the server's.

| name | in English | gaps |
|---|---|---|
"""
_NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "ja": "Japanese"}


def page() -> str:
    """Return the page."""
    *first, last = [_NAMES[each] for each in LANGUAGES]
    rows = [
        f"| `{key}` | {text.replace('|', chr(92) + '|')} | {', '.join(sorted(gaps_of(text)))} |"
        for key, text in en.TEXTS.items()
    ]
    return HEAD.replace("{languages}", f"{', '.join(first)} and {last}") + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
