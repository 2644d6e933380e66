"""``voxbridge rehearse``: the whole daemon in the simulated Discord, with a person's recording."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from voxbridge.cli.shell import chosen_file, config_option, tell_clamped
from voxbridge.cli.waterfall import waterfall
from voxbridge.config import load_noting
from voxbridge.config.settings import Settings
from voxbridge.errors import VoxBridgeError

if TYPE_CHECKING:
    from voxbridge.rehearsal.rehearse import Line, Verdict


@click.command()
@click.argument("wavs", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="[WAV]...")
@config_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("rehearsal-out"),
    show_default=True,
    help="Where the replies are written.",
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the results there.")
@click.option("--muted", is_flag=True, help="Keep the microphone shut: the rehearsal must then fail.")
@click.option("--verbose", "-v", is_flag=True, help="Show the daemon's log.")
@click.pass_context
def rehearse(
    ctx: click.Context,
    wavs: tuple[Path, ...],
    config: Path | None,
    out: Path,
    json_file: Path | None,
    muted: bool,
    verbose: bool,
) -> None:
    """Run the daemon in a simulated Discord, say each WAV to it, and record what it answers.

    Without WAVs: a bundled human recording and a question. With --config: your own WhisperX, n8n and Chatterbox,
    before Discord is involved. Exits 0 only if every line was heard rightly and answered aloud.
    """
    import trio

    from voxbridge.rehearsal.embedded import own_ears, own_voice
    from voxbridge.rehearsal.rehearse import bundled_lines, lines_of
    from voxbridge.stages.registry import EMBEDDED

    named = chosen_file(ctx, config)
    settings = tell_clamped(load_noting(named)) if named else Settings()
    lines = lines_of(wavs) if wavs else bundled_lines(own_voice(), knows_answer=settings.agent.kind == EMBEDDED)
    out.mkdir(parents=True, exist_ok=True)
    verdicts = trio.run(_perform, settings, lines, out, muted, verbose)
    verdicts = _listen(verdicts, own_ears())
    for verdict in verdicts:
        _show(verdict)
    if json_file is not None:
        json_file.write_text(json.dumps({"turns": [v.to_json() for v in verdicts]}, indent=2) + "\n", encoding="utf-8")
    ctx.exit(0 if verdicts and not any(verdict.problems for verdict in verdicts) else 1)


def _progress(line: str) -> None:
    click.echo(click.style(f"  {line}", dim=True), err=True)


async def _perform(settings: Settings, lines: list[Line], out: Path, muted: bool, verbose: bool) -> list[Verdict]:
    from voxbridge.audio.wavfile import write_wav
    from voxbridge.rehearsal.call import open_simulated_call
    from voxbridge.rehearsal.daemon_process import DaemonFailed
    from voxbridge.rehearsal.rehearse import Verdict, judge

    log = (lambda line: click.echo(line, err=True)) if verbose else (lambda _line: None)
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="voxbridge-rehearsal-") as directory:
        async with open_simulated_call(settings, Path(directory), progress=_progress, on_log=log) as simulated_call:
            for number, line in enumerate(lines, 1):
                _progress(f"Ada says {line.name} ({line.sound.duration_s:.1f} s) ...")
                try:
                    scene = await simulated_call.perform(line.sound, muted=muted)
                except DaemonFailed as error:
                    verdicts.append(Verdict(line, None, None, None, (str(error).splitlines()[0],)))
                    continue
                reply = out / f"reply-{number}.wav"
                write_wav(reply, scene.reply)
                _progress(f"The bot answered for {scene.reply.duration_s:.1f} s.")
                verdicts.append(Verdict(line, scene, reply, None, judge(line, scene, None)))
            _progress("The daemon is asked to stop (SIGTERM) ...")
            code = await simulated_call.daemon.stop()
            if code != 0:
                raise VoxBridgeError(
                    f"the daemon ended with code {code} after SIGTERM:\n{simulated_call.daemon.tail()}"
                )
    return verdicts


def _listen(verdicts: list[Verdict], ears: Any) -> list[Verdict]:
    """Transcribe the replies and compare them with the answers, where the ears are installed."""
    from voxbridge.rehearsal.rehearse import judge

    if ears is None:
        _progress("The replies were not transcribed: the extra [embedded] is not installed.")
        return verdicts
    heard: list[Verdict] = []
    for verdict in verdicts:
        if verdict.scene is None or not verdict.scene.report["answer"]:
            heard.append(verdict)
            continue
        reply = ears(verdict.scene.reply)
        heard.append(attrs.evolve(verdict, reply_heard=reply, problems=judge(verdict.line, verdict.scene, reply)))
    return heard


def _show(verdict: Verdict) -> None:
    record = verdict.to_json()
    click.echo()
    click.secho(f"{verdict.line.name}", bold=True)
    if record["said"]:
        click.echo(f"  said    {record['said']}")
    click.echo(f"  heard   {record['heard']}")
    click.echo(f"  answer  {record['answer']}")
    if record["reply_wav"]:
        lock = "end-to-end encrypted" if record["dave"] else "NOT end-to-end encrypted"
        click.echo(f"  reply   {record['reply_wav']}, {record['reply_seconds']:.1f} s, {lock}")
    if record["reply_heard"] is not None:
        click.echo(f"          transcribed: {record['reply_heard']}")
    for line in waterfall(record["parts"]):
        click.echo(f"  {line}")
    for problem in verdict.problems:
        click.secho(f"  problem {problem}", fg="red")
    click.secho("  failed" if verdict.problems else "  passed", fg="red" if verdict.problems else "green")
