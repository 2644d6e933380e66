"""The table of old bugs: which lines bring one back, and what is to find it.

A row is kept true by a test (``tests/unit/test_putback.py``): its lines stand in the code as they are here, in whatever
module. Whoever changes them changes the row, and may run it: ``nox -s putback -- --only B12``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

Finder = Literal["model", "fuzz", "test"]


@attrs.frozen
class Change:
    """Text that stands in ``src`` once, wherever that is by now, and what stood in its place."""

    now: str
    then: str

    def file(self, source: Path) -> Path:
        """Return the file that has it. Raises: ValueError if there is not exactly one, and once in it."""
        counts = {file: file.read_text(encoding="utf-8").count(self.now) for file in source.rglob("*.py")}
        found = [file for file, count in counts.items() if count]
        if len(found) != 1 or counts[found[0]] != 1:
            raise ValueError(
                f"{self.now!r} stands in {[file.name for file in found]}, and not once in one: mend the row"
            )
        return found[0]


@attrs.frozen
class Bug:
    """``name`` is the issue's; ``where`` says which reader of the fuzz, or which tests."""

    name: str
    what: str
    finder: Finder
    changes: tuple[Change, ...]
    where: str = ""


BUGS: tuple[Bug, ...] = (
    Bug(
        "B7",
        "a probe with a bug ends whoever stands beside it",
        "model",
        (
            Change(
                'await supervise("probe", ask, backoff=Backoff(circuit=1), stage=self._name, backend=self.stage.name)',
                "await ask() is None",
            ),
            Change(
                'nursery.start_soon(partial(supervise, "health", keep, stage=stage, backend=guard.stage.name))',
                "nursery.start_soon(keep)",
            ),
        ),
    ),
    Bug(
        "B8",
        "of two agents whose first texts come in one step, both speak",
        "model",
        (
            Change(
                "        if not self._runner.claim():\n            return False\n",
                "        self._runner.claim()\n",
            ),
        ),
    ),
    Bug(
        "B9",
        "a transcript that fails takes the known words before it along",
        "model",
        (Change("            if self.question.text:\n", "            if False:\n"),),
    ),
    Bug(
        "B10",
        "a text counts as said though no frame of it has left",
        "model",
        (
            Change(
                "return self.is_sounding and self._speech.is_played and not self._speech.unsaid",
                "return not self._speech.unsaid",
            ),
        ),
    ),
    Bug(
        "B11",
        "a frame that did not leave counts as heard",
        "model",
        (Change("        if self._has_stayed:\n", "        if False:\n"),),
    ),
    Bug(
        "B12",
        "a workflow runs again when a kept connection dies after seconds of work",
        "model",
        (Change("_CLOSED_MEANWHILE_S = 0.25", "_CLOSED_MEANWHILE_S = 1e9"),),
    ),
    Bug(
        "B13",
        "a drain waits for a turn that does not sound",
        "model",
        (Change('                turn.cut("drain")\n', "                turn.wind_up()\n"),),
    ),
    Bug(
        "B14",
        "an apology without a sound is silence",
        "model",
        (
            Change(
                'return sound if sound is not None and sound.data.strip(b"\\0") else None',
                "return sound",
            ),
        ),
    ),
    Bug(
        "B15",
        "what was heard is written over another turn of the other model",
        "model",
        (
            Change("        request = attrs.evolve(request, conversation=conversation)\n", ""),
            Change(
                'heard_of=previous.turn_id if previous is not None else "",',
                'heard_of="",',
            ),
        ),
    ),
    Bug(
        "B16",
        "a speaker without pauses is never told, and the question grows",
        "model",
        (Change("return self._count >= _MAX\n", "return False\n"),),
    ),
    Bug(
        "B17",
        "a backup voice is asked for the first server's voice",
        "model",
        (
            Change(
                "options=None if options is None else attrs.evolve(options, voice=None)",
                "options=options",
            ),
        ),
    ),
    Bug(
        "B18",
        "a number of 5,001 digits in the configuration is no error of ours",
        "fuzz",
        (
            Change(
                "    except ValueError as error:  # TOML",
                "    except tomllib.TOMLDecodeError as error:  #",
            ),
        ),
        "configuration",
    ),
    Bug(
        "B19, replay",
        "of an utterance of ten minutes the last two are kept for a replay",
        "test",
        (Change("KEPT_S = 602.0", "KEPT_S = 120.0"),),
        "tests/unit/core/wire/test_whisperx_dialogue.py::test_the_ring_keeps_the_longest_utterance_and_no_more",
    ),
    Bug(
        "B19, counters",
        "calls that go well are counted without end",
        "test",
        (
            Change(
                "        while now - self._calls",
                "        while not well and now - self._calls",
            ),
        ),
        "tests/unit/core/health/test_breaker.py",
    ),
    Bug(
        "B19, streams",
        "an answer that streams is cut for backups that nobody may ask any more",
        "model",
        (
            Change(
                "            runner.limit.deadline = math.inf  # nobody",
                "            pass  # nobody",
            ),
        ),
    ),
    Bug(
        "B19, full inbox",
        "the news that the voice is down is dropped to make room for sound",
        "test",
        (Change("if isinstance(item, OpusPacket):\n", "if True:\n"),),
        "tests/unit/session/test_hearing.py",
    ),
    Bug(
        "B19, news",
        "the news of an interruption is lost with the request that carried it",
        "model",
        (
            Change(
                "if not answer.has_asked or (has_failed and not answer.has_come_through):",
                "if not answer.has_asked:",
            ),
        ),
    ),
    Bug(
        "B19, engines",
        "built-in engines that hang are never started again",
        "test",
        (
            Change(
                "with trio.move_on_after(self._silence_limit_s) as scope:",
                "with trio.move_on_after(1e9) as scope:",
            ),
            Change(
                "scope.deadline = trio.current_time() + self._silence_limit_s",
                "scope.deadline = 1e9",
            ),
        ),
        "tests/integration/engines/test_engines.py::test_a_process_that_hangs_is_ended_and_named",
    ),
)
