"""docs/from-the-original.md, made of the tables: ``python -m tests.unit.config.original_page`` writes it anew."""

from __future__ import annotations

from pathlib import Path

from voxbridge.config.environment import TEST_MODE, TEST_URL, VARIABLES
from voxbridge.config.original import REPLACED

PAGE = Path(__file__).parents[3] / "docs" / "from-the-original.md"
HEAD = """\
# From the original VoxBridge

This page is for you if you run the original VoxBridge (the container with a web page) and want to try this one. Your
servers stay as they are: WhisperX, n8n with your workflow, and Chatterbox.

## Take your settings over

[The first hour](first-hour.md) installs VoxBridge. Then, with your `.env` beside you:

```sh
. .venv/bin/activate
voxbridge init --from .env
voxbridge check
```

`init` reads the `.env` of the original and writes `voxbridge.toml`. Only you can read that file, since your
token is in it. `check` says what is still missing. You can also leave the variables where they are: VoxBridge reads
them from the environment, and they win over the file.

## What is there, what is elsewhere, what is gone

| the original | here |
| --- | --- |
| web page with buttons to join and leave | `/join` and `/leave` in Discord, or `voxbridge ctl join` |
| web page with a microphone | `voxbridge talk` |
| web page with transcripts | `voxbridge ctl events --follow`; `[journal]` writes them into a file |
| web page with times | `voxbridge ctl status` |
| `/api/metrics` in JSON | `/metrics` for Prometheus: [metrics](metrics.md) |
| `/health` | `/healthz` and `/readyz` |
| `/voice/join`, `/voice/leave`, `/voice/speak` | `voxbridge ctl join`, `leave` and `say`, over a unix socket |
| WebSocket with live events | `voxbridge ctl events --follow --json`: the names of the events are the same |
| agents and keys in a database, with a web page to edit them | `[agent]` in the configuration: [agents](agents.md) |
| X-TTS-Options in the webhook's answer | works as before: [n8n](n8n.md) |
| `text` in the body that the webhook gets | there, if `agent.also_as = ["text"]`: `init --from` sets it |
| `userId` and `timestamp` in it | `metadata.userId` and `metadata.startedAt`: [n8n](n8n.md) |
| Docker | a [container and a compose file](packages.md), or Python and systemd: [the service](service.md) |

## Environment variables that work

| variable | setting | what it is |
| --- | --- | --- |
"""


def page() -> str:
    """Return the page."""
    known = [f"| `{one.name}` | `{one.key}` | {one.about} |" for one in (*VARIABLES, TEST_URL)]
    known.append(f"| `{TEST_MODE}` | `agent.url` | true: the webhook is `{TEST_URL.name}` |")
    gone = [f"| `{name}` | {says} |" for name, says in REPLACED.items()]
    between = """
A URL also chooses the kind of server that it names. `MAX_UTTERANCE_TIME_MS=0` is ten minutes, the longest that there
is. `LOG_LEVEL=warn` is `warning`.

## Environment variables without effect

If one of them is set beside a name of the original's, VoxBridge says so at the start, and `voxbridge check` does.

| variable | instead |
| --- | --- |
"""
    return HEAD + "\n".join(known) + "\n" + between + "\n".join(gone) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
