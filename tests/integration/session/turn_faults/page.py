"""docs/faults.md: what came of every case, told from what was seen."""

from __future__ import annotations

import pathlib
import re

import trio
import trio.testing

from tests.integration.session.turn_faults.backends import KINDS, NOISE, titles_of
from tests.integration.session.turn_faults.play import Played, notice_of, play
from tests.support.hall import ANSWER
from voxbridge.errors import StageName

PAGE = pathlib.Path(__file__).parents[4] / "docs" / "faults.md"

_TITLES: dict[StageName, str] = {"stt": "Speech to text", "agent": "Agent", "tts": "Text to speech"}
_HEAD = f"""\
# What a user meets when something fails

Made by `python -m tests.integration.session.turn_faults` from whole turns that the tests play in virtual time, with
every kind of every stage, the default settings and no backup; a test checks this page against them. Without the fault
the agent answers “{ANSWER}”

“Sound after” is the time from the decision that the user had finished to the first sound. If no answer is heard, the
first sound is the apology's. “Requests” counts the requests for speech or an answer that reached the faulty server up
to the end of the turn. For speech to text it counts connections (uploads with `openai`), also those from before the
user had finished.

- **notice**: VoxBridge writes one line into the channel when the outage begins, and one when it is over. For later
  turns of the same outage it writes none.
- **answer in the chat**: VoxBridge writes the sentences that it could not speak to their end. If a sentence broke off,
  it writes the whole sentence. If the sound of a sentence ended early without an error, the sentence counts as
  spoken, because VoxBridge cannot see that it was too short.
- With `[[stt.backup]]`, `[[agent.backup]]` or `[[tts.backup]]` VoxBridge uses the backup instead, unless
  the user has heard part of the answer already.
- Every fault lasts until 10 s after the turn. In every case the next turn worked again, without a restart.
- **TLS failure**: the URL says `https` or `wss`, but the server does not use TLS. Wyoming has no TLS, so there the
  server expects TLS and VoxBridge does not use it. Wyoming has no HTTP status either: if an HTTP server answers on the
  port, VoxBridge reports bytes that are not Wyoming.
- `embedded` is the client of `whisperx`, `n8n` or `chatterbox` on the engines' unix socket. So it has no host name to
  resolve, and no TLS.
- For each kind of server by itself, see [stt-faults.md](stt-faults.md), [agent-faults.md](agent-faults.md) and
  [tts-faults.md](tts-faults.md).
"""


def heading(stage: StageName, kind: str) -> str:
    """Return the heading of one kind's table."""
    return f"## {_TITLES[stage]}: {kind}"


def row(stage: StageName, title: str, played: Played) -> str:
    """Return the line for one case."""
    report = played.report
    sound_s = "" if report.first_audio is None else f"{report.first_audio.ms / 1000:.1f} s"
    told = ["notice" if text == notice_of(stage) else "answer in the chat" for text in played.posted]
    error = re.sub(rf"\b({'|'.join(NOISE)})( ({'|'.join(NOISE)}))*", "*(the server's words)*", report.error or "")
    error = error.replace("|", "\\|")
    cells = (title, played.heard, sound_s, ", ".join(sorted(told)), str(played.requests), error)
    return f"| {' | '.join(cells)} |"


def rows_of(page: str) -> dict[str, list[str]]:
    """Return the lines of the tables by heading, without the tables' own heads."""
    tables: dict[str, list[str]] = {}
    for section in page.split("\n## ")[1:]:
        head, *lines = section.splitlines()
        tables[f"## {head}"] = [line for line in lines if line.startswith("| ")][1:]
    return tables


def written() -> str:
    """Play every case; return the page."""
    lines = [_HEAD.rstrip("\n")]
    for stage, kinds in KINDS.items():
        for kind in kinds:
            lines += ["", heading(stage, kind), ""]
            lines += ["| fault | the speaker hears | sound after | in the channel | requests | the operator reads |"]
            lines += ["|---|---|---|---|---|---|"]
            lines += [row(stage, title, _played(stage, kind, title)) for title in titles_of(kind)]
    return "\n".join([*lines, ""])


def _played(stage: StageName, kind: str, title: str) -> Played:
    async def run() -> Played:
        return await play(stage, kind, title)

    return trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
