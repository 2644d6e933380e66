"""``voxbridge rehearse``: the whole daemon in the simulated Discord, with a person's recording."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from voxbridge.cli.results import write_result
from voxbridge.cli.scenes import list_scenes, names_of_scenes, rehearse_scenes, scenes_named, write_results
from voxbridge.cli.shell import config_option, load_settings, tell_notes
from voxbridge.cli.waterfall import waterfall
from voxbridge.config.settings import Settings
from voxbridge.core.text.terminal import visible, visible_value
from voxbridge.errors import VoxBridgeError

if TYPE_CHECKING:
    from voxbridge.rehearsal.call import Scene, SimulatedCall
    from voxbridge.rehearsal.rehearse import Line, Verdict

_BAR_FROM_S = 10.0  # who waits for less sees the lines above and below it


@click.command()
@click.argument(
    "files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="[WAV|SCENE.toml]..."
)
@config_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("rehearsal-out"),
    show_default=True,
    help="Directory for the recorded replies.",
)
@click.option(
    "--said",
    multiple=True,
    metavar="TEXT",
    help="What is said in the WAV, to be compared with what is heard; once for each. [default: a .txt beside the WAV]",
)
@click.option(
    "--scene",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=names_of_scenes,
    help="Play a scene that comes with VoxBridge, or all.",
)
@click.option("--scenes", "lists", is_flag=True, help="List the scenes that come with VoxBridge.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the results there.")
@click.option(
    "--junit",
    "junit_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what came of scenes there, as JUnit XML.",
)
@click.option("--muted", is_flag=True, help="Send no sound: the rehearsal must then fail.")
@click.option("--verbose", "-v", is_flag=True, help="Show the daemon's log.")
@click.pass_context
def rehearse(
    ctx: click.Context,
    files: tuple[Path, ...],
    config: Path | None,
    out: Path,
    said: tuple[str, ...],
    names: tuple[str, ...],
    lists: bool,
    json_file: Path | None,
    junit_file: Path | None,
    muted: bool,
    verbose: bool,
) -> None:
    """Run the daemon in a simulated Discord, say each WAV to it, and record what it answers.

    Without WAVs: a bundled human recording and a question. A scene says who speaks when, what fails meanwhile and what
    must be true. Your configuration's servers listen, answer and speak; for what it does not name, and without a
    configuration, the built-in engines do. It needs no Discord token. Exits 0 only if every turn was heard rightly
    and answered aloud, and every scene went as it must.
    """
    if lists:
        list_scenes()
        return
    wavs = tuple(file for file in files if file.suffix != ".toml")
    scenes = scenes_named([file for file in files if file.suffix == ".toml"], names)
    if scenes and (wavs or said or muted):
        raise click.UsageError("WAVs, --said and --muted do not go together with scenes")
    if junit_file is not None and not scenes:
        raise click.UsageError("--junit is for scenes")
    if len(said) > len(wavs):
        raise click.UsageError(f"--said was given {len(said)} times for {len(wavs)} recordings")
    loaded = load_settings(ctx, config)
    settings = tell_notes(loaded)
    click.echo(who_serves(settings, loaded.file))
    if scenes:
        _make_sure_of(out, json_file, junit_file)
        outcomes = rehearse_scenes(scenes, settings, progress=_progress, verbose=verbose, out=out)
        write_results(outcomes, json_file, junit_file)
        ctx.exit(1 if any(outcome.problems for outcome in outcomes) else 0)
    verdicts = _rehearse_lines(settings, wavs, said, out, json_file, muted, verbose)
    ctx.exit(0 if verdicts and not any(verdict.problems for verdict in verdicts) else 1)


def _rehearse_lines(
    settings: Settings,
    wavs: tuple[Path, ...],
    said: tuple[str, ...],
    out: Path,
    json_file: Path | None,
    muted: bool,
    verbose: bool,
) -> list[Verdict]:
    """Say recordings, show what came of each, and write it down. Raises: SoundFileError, EngineError, OSError."""
    import trio

    from voxbridge.config.stages import EMBEDDED
    from voxbridge.rehearsal.embedded import own_ears, own_voice
    from voxbridge.rehearsal.rehearse import bundled_lines, lines_of

    lines = lines_of(wavs, said) if wavs else bundled_lines(own_voice(), knows_answer=settings.agent.kind == EMBEDDED)
    _make_sure_of(out, json_file)
    unkept: list[VoxBridgeError] = []
    verdicts = trio.run(_perform, settings, lines, out, muted, verbose, unkept)
    verdicts = _listen(verdicts, own_ears())
    for verdict in verdicts:
        _show(verdict)
    if json_file is not None:
        record = {"turns": [verdict.to_json() for verdict in verdicts]}
        write_result(json_file, (json.dumps(record, indent=2) + "\n").encode())
    if unkept:
        raise ExceptionGroup("replies", unkept)
    return verdicts


def who_serves(settings: Settings, file: Path | None) -> str:
    """Return the first line: whose engines or servers will be tried, and who said so."""
    kinds = f"{settings.stt.kind} listens, {settings.agent.kind} answers, {settings.tts.kind} speaks"
    if {settings.stt.kind, settings.agent.kind, settings.tts.kind} == {"embedded"}:
        kinds = "the built-in engines listen, answer and speak"
    return f"{'No configuration file was found' if file is None else f'As {file} has it'}: {kinds}."


def _make_sure_of(out: Path, *files: Path | None) -> None:
    """Make the places where results will be written, before a minute is spent on them. Raises: VoxBridgeError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
        for file in filter(None, files):
            file.touch()
    except OSError as error:
        raise VoxBridgeError(f"{error.filename or out} cannot be written: {error.strerror or error}") from error


def _progress(line: str) -> None:
    click.echo(click.style(f"  {visible(line)}", dim=True), err=True)


async def _perform(
    settings: Settings, lines: list[Line], out: Path, muted: bool, verbose: bool, unkept: list[VoxBridgeError]
) -> list[Verdict]:
    """Say the lines; ``unkept`` takes what of the replies could not be written."""
    from voxbridge.core.wire.wav import encode_wav
    from voxbridge.rehearsal.call import open_simulated_call
    from voxbridge.rehearsal.daemon_process import DaemonFailed
    from voxbridge.rehearsal.rehearse import Verdict, judge, turns_of

    log = (lambda line: click.echo(visible(line), err=True)) if verbose else (lambda _line: None)
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="voxbridge-rehearsal-") as directory:
        async with open_simulated_call(settings, Path(directory), progress=_progress, on_log=log) as simulated_call:
            for number, line in enumerate(lines, 1):
                _progress(f"Ada says {line.name} ({line.sound.duration_s:.1f} s) ...")
                try:
                    async with _bar(line.sound.duration_s):
                        scenes = await _scenes(simulated_call, line, muted=muted)
                except DaemonFailed as error:
                    verdicts.append(Verdict(line, None, None, None, (str(error).splitlines()[0],)))
                    continue
                for turn, (part, scene) in enumerate(turns_of(line, scenes), 1):
                    reply = out / (f"reply-{number}.wav" if len(scenes) == 1 else f"reply-{number}-{turn}.wav")
                    try:
                        write_result(reply, encode_wav(scene.reply))
                    except VoxBridgeError as error:
                        unkept.append(error)  # what was heard is judged all the same
                    _progress(f"The bot answered for {scene.reply.duration_s:.1f} s.")
                    verdicts.append(Verdict(part, scene, reply, None, judge(part, scene, None)))
            _progress("The daemon is asked to stop (SIGTERM) ...")
            code = await simulated_call.daemon.stop()
            if code != 0:
                raise VoxBridgeError(
                    f"the daemon ended with code {code} after SIGTERM:\n{simulated_call.daemon.tail()}"
                )
    return verdicts


async def _scenes(simulated_call: SimulatedCall, line: Line, *, muted: bool) -> list[Scene]:
    from voxbridge.rehearsal.rehearse import voiced_end_s

    if muted:
        return [await simulated_call.perform(line.sound, muted=True)]
    return await simulated_call.perform_whole(line.sound, voiced_end_s=voiced_end_s(line.sound))


@asynccontextmanager
async def _bar(duration_s: float) -> AsyncIterator[None]:
    """Show how far a long recording has been played; nothing for a short one, or where nobody looks."""
    import trio

    if duration_s < _BAR_FROM_S or not sys.stderr.isatty():
        yield
        return
    with click.progressbar(length=round(duration_s), file=sys.stderr, label="  speaking") as bar:

        async def advance() -> None:
            for _ in range(round(duration_s)):
                await trio.sleep(1)
                bar.update(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(advance)
            yield
            nursery.cancel_scope.cancel()


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
    record = visible_value(verdict.to_json())
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
        click.secho(f"  problem {visible(problem)}", fg="red")
    click.secho("  failed" if verdict.problems else "  passed", fg="red" if verdict.problems else "green")
