"""`python -m tests.bench [--quick] [--json FILE] [--only NAME]`, or with --against COMMIT, --words, ...: measure."""

from __future__ import annotations

import itertools
import json
import sys
from functools import partial
from importlib import resources
from pathlib import Path

import attrs
import click
import trio

from tests.bench import against, ahead, changing_call, overlaps, pause_curve, words_heard
from tests.bench.crowd import crowd as crowded
from tests.bench.measures import Measure, host, table
from tests.bench.pauses import Judged, engine_places, human_places, judged
from tests.bench.stages import embedded_stages
from tests.bench.texts import text_path
from tests.bench.turns import BRIEF, LONG, Samples, answered_turns, interrupted_turns, simulated
from voxbridge.audio.turn_model import TurnModel
from voxbridge.config.settings import Settings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.wire.wav import decode_wav
from voxbridge.engines.weights import whisper_dir
from voxbridge.engines.whisper import Whisper
from voxbridge.rehearsal.embedded import own_voice

GROUPS = ("text", "stages", "embedded", "simulated", "bridge", "barge-in")
ONSETS = "onsets"
"""In virtual time: no age of the code is faster at it than another."""


def progress(line: str) -> None:
    """Show how far it is, on a terminal only."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{line}", nl=False, err=True)


def human_clips() -> list[Pcm]:
    """Return the bundled recordings."""
    folder = resources.files("voxbridge.rehearsal") / "clips"
    return [decode_wav(clip.read_bytes()) for clip in sorted(folder.iterdir(), key=str) if clip.name.endswith(".wav")]


async def measure(group: str, count: int) -> Samples:
    """Run one group of measurements."""
    if group == "text":
        return text_path(count, progress)
    voice = own_voice()
    base = Settings()
    match group:
        case "stages":
            return await embedded_stages(human_clips(), count, progress)
        case "embedded":
            samples = await answered_turns(base, voice("What is seven times eight?"), count, "embedded_", progress)
            # The guess makes the final free; its cost without the guess, and whole sentences, are measured apart.
            samples["embedded_stt_after_decision_ms"] = samples.pop("embedded_stt_final_ms")
            samples["embedded_tts_brief_sentence_ms"] = samples.pop("embedded_tts_sentence_ms")
            return samples
        case "simulated":
            async with simulated(base, stt_s=0.3, agent_s=0.4, tts_s=0.04, answer=BRIEF) as settings:
                return await answered_turns(settings, voice("Stop it now."), count, "simulated_", progress)
        case "bridge":
            async with simulated(base, stt_s=0.0, agent_s=0.0, tts_s=0.0, answer=BRIEF) as settings:
                samples = await answered_turns(
                    settings, voice("Stop it now."), count, "bridge_", progress, is_apart=True
                )
            return {
                "bridge_overhead_ms": samples["bridge_first_audio_ms"],
                "bridge_speech_end_to_audio_ms": samples["bridge_speech_end_to_audio_ms"],
            }
        case _:
            async with simulated(base, stt_s=0.0, agent_s=0.0, tts_s=0.0, answer=LONG) as settings:
                return await interrupted_turns(settings, voice("Stop it now."), count, progress)


def judged_pauses() -> list[Judged]:
    """Let the turn model and the embedded Whisper judge the corpus of pauses."""
    whisper = Whisper(whisper_dir(), workers=1)
    places = [*human_places(), *engine_places(own_voice())]
    return judged(places, lambda pcm: whisper.transcribe(pcm).text, TurnModel(), progress)


@click.command()
@click.option("--words", is_flag=True, help="How many words are heard wrong, with loss and with pauses. Half an hour.")
@click.option("--pauses", is_flag=True, help="How many turns end too early at which delay. One minute.")
@click.option("--overlaps", "over", is_flag=True, help="What speech and noises do to an answer. Two minutes.")
@click.option("--call", "call_minutes", type=float, help="A call that changes all the time, for so many minutes.")
@click.option("--crowd", is_flag=True, help="25 people who speak and ten rooms that play, the daemon on one core.")
@click.option("--alone", is_flag=True, help="With --crowd: keep the cores from everybody else (needs root).")
@click.option("--seed", default=1, show_default=True, help="Which changes, and in which order.")
@click.option("--quick", is_flag=True, help="Ten of each instead of fifty: a look, no figures to quote.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the results there.")
@click.option("--against", "commit", help="This code and an older commit in turn, row by row.")
@click.option("--rounds", default=3, show_default=True, help="With --against: so many of each.")
@click.option("--only", type=click.Choice((*GROUPS, ONSETS)), multiple=True, help="Measure this group only.")
def main(
    words: bool,
    pauses: bool,
    over: bool,
    call_minutes: float | None,
    crowd: bool,
    alone: bool,
    seed: int,
    quick: bool,
    json_file: Path | None,
    commit: str | None,
    rounds: int,
    only: tuple[str, ...],
) -> None:
    """Measure the bridge on this machine. It takes about ten minutes; --quick about two."""
    if words:
        for line in words_heard.run():
            click.echo(line)
        return
    if commit is not None:
        rows, mends = against.compare(commit, only or GROUPS, rounds, progress, is_quick=quick)
        progress("")
        for line in against.lines(rows, commit, rounds, mends):
            click.echo(line)
        return
    if call_minutes is not None:
        for line in changing_call.run(call_minutes, seed, progress):
            click.echo(line)
        return
    if crowd:
        seconds = 10.0 if quick else 60.0
        result = trio.run(partial(crowded, 25, 10, seconds, human_clips(), progress, alone=alone))
        progress("")
        for line in result.lines():
            click.echo(line)
        return
    if over or not only:
        whisper = Whisper(whisper_dir(), workers=1)
        found = overlaps.fates(own_voice(), lambda pcm: whisper.transcribe(pcm).text, progress)
        progress("")
        for line in overlaps.table(found):
            click.echo(line)
    if over:
        return
    places = judged_pauses() if pauses or not only else []
    for line in itertools.chain(pause_curve.table(places), ahead.table()) if places else ():
        click.echo(line)
    if pauses:
        return
    before = host()["load_1m_5m_15m"]
    samples: Samples = {}
    for group in only or (*GROUPS, ONSETS):
        samples |= overlaps.onset_samples() if group == ONSETS else trio.run(measure, group, 10 if quick else 50)
    progress("")
    measures = [Measure.of(name, values) for name, values in samples.items()]
    machine = {**host(), "load_before": before}
    click.echo(table(measures, machine))
    if json_file is not None:
        record = {"measures": [attrs.asdict(measure) for measure in measures], "host": machine}
        json_file.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
