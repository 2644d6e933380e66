"""The part of ``voxbridge rehearse`` that plays scenes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from voxbridge.cli.results import write_result
from voxbridge.config.settings import Settings
from voxbridge.core.text.terminal import visible
from voxbridge.errors import VoxBridgeError

if TYPE_CHECKING:
    from voxbridge.rehearsal.scenes.reading import SceneFile
    from voxbridge.rehearsal.scenes.tell import Outcome


def names_of_scenes(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    """Return what a shell may complete a scene's name to."""
    from voxbridge.rehearsal.scenes.reading import bundled_scenes

    return [name for name in (*(file.stem for file in bundled_scenes()), "all") if name.startswith(begun)]


def list_scenes() -> None:
    """Print the scenes that come with VoxBridge, and where they are."""
    from voxbridge.rehearsal.scenes.reading import bundled_scenes, read_scene

    files = bundled_scenes()
    for file in files:
        click.echo(f"{file.stem:<16} {read_scene(file).scene.about}")
    click.echo(f"\nPlay one with --scene NAME, or all with --scene all. The files are in {files[0].parent}")


def scenes_named(files: Sequence[Path], names: Sequence[str]) -> list[SceneFile]:
    """Read scene files, and bundled scenes by name. Raises: ConfigError, click.BadParameter."""
    from voxbridge.rehearsal.scenes.reading import bundled_scenes, read_scene

    bundled = {file.stem: file for file in bundled_scenes()}
    chosen = list(files)
    for name in names:
        if name == "all":
            chosen += bundled.values()
        elif name in bundled:
            chosen.append(bundled[name])
        else:
            raise click.BadParameter(
                f"there is no scene {name!r}. There are: {', '.join(bundled)}", param_hint="--scene"
            )
    return [read_scene(file) for file in chosen]


def rehearse_scenes(
    scenes: Sequence[SceneFile], settings: Settings, *, progress: Any, verbose: bool, out: Path
) -> list[Outcome]:
    """Check all scenes, then play one after the other, and show each. Raises: ConfigError, SoundFileError."""
    import trio

    from voxbridge.rehearsal.daemon_process import DaemonFailed
    from voxbridge.rehearsal.embedded import own_ears, own_voice
    from voxbridge.rehearsal.scenes.in_call import play_scene
    from voxbridge.rehearsal.scenes.judge import judge_scene
    from voxbridge.rehearsal.scenes.played import Played
    from voxbridge.rehearsal.scenes.servers import check_servers, scene_settings
    from voxbridge.rehearsal.scenes.sounds import speeches_of
    from voxbridge.rehearsal.scenes.tell import Outcome

    for scene in scenes:
        check_servers(scene, scene_settings(scene, settings))
    speeches = [speeches_of(scene, own_voice) for scene in scenes]
    ears = own_ears() if any(turn.clear for scene in scenes for turn in scene.scene.turn) else None
    log = (lambda line: click.echo(visible(line), err=True)) if verbose else (lambda _line: None)
    outcomes: list[Outcome] = []
    for scene, sounds in zip(scenes, speeches, strict=True):
        click.echo()
        click.echo(f"{click.style(visible(scene.name), bold=True)}  {visible(scene.scene.about)}")
        with tempfile.TemporaryDirectory(prefix="voxbridge-scene-") as directory:

            async def play(scene: SceneFile = scene, sounds: Any = sounds, directory: str = directory) -> Played:
                return await play_scene(scene, sounds, settings, Path(directory), progress=progress, on_log=log)

            try:
                played = trio.run(play)
            except* DaemonFailed as group:
                played = Played((), (), (), (), 0.0, broke=str(_first(group)).splitlines()[0])
        outcome = Outcome(scene, played, tuple(judge_scene(scene.scene, played, ears)))
        outcome = attrs.evolve(outcome, problems=(*outcome.problems, *_keep_sound(outcome, out)))
        _show(outcome)
        outcomes.append(outcome)
    return outcomes


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _keep_sound(outcome: Outcome, out: Path) -> Iterator[str]:
    """Write what was heard of each turn; yield what could not be written."""
    from voxbridge.core.wire.wav import encode_wav

    for number, turn in enumerate(outcome.played.turns, 1):
        if turn.reply is not None:
            try:
                write_result(out / f"{outcome.scene.name}-{number}.wav", encode_wav(turn.reply))
            except VoxBridgeError as error:
                yield str(error)


def _show(outcome: Outcome) -> None:
    from voxbridge.rehearsal.scenes.tell import timeline_lines

    for line in timeline_lines(outcome.played):
        click.echo(f"  {line}")
    for problem in outcome.problems:
        first, *rest = problem.splitlines()
        click.secho(f"  problem {visible(first)}", fg="red")
        for line in rest:
            click.secho(f"          {visible(line)}", fg="red")
    click.secho("  failed" if outcome.problems else "  passed", fg="red" if outcome.problems else "green")


def write_results(outcomes: Sequence[Outcome], json_file: Path | None, junit_file: Path | None) -> None:
    """Write what came of the scenes; one file that cannot be written costs only itself. Raises: VoxBridgeError."""
    from voxbridge.rehearsal.scenes.tell import junit_xml

    record = {"scenes": [outcome.to_json() for outcome in outcomes]}
    written: dict[Path, bytes] = {}
    if json_file is not None:
        written[json_file] = (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")
    if junit_file is not None:
        written[junit_file] = junit_xml(outcomes)
    failures: list[VoxBridgeError] = []
    for file, content in written.items():
        try:
            write_result(file, content)
        except VoxBridgeError as error:
            failures.append(error)
    if failures:
        raise ExceptionGroup("results", failures)
