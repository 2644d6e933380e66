"""`python -m tests.fuzz [--minutes 1] [--seed N] [--only NAME]`: unexpected bytes for every reader."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import click

from tests.fuzz.engine import Fault, Tally, poisoned, shortened, try_growth, try_many, try_one
from tests.fuzz.readers import READERS

_BATCH = 200


@click.command()
@click.option("--minutes", default=1.0, show_default=True, help="How long.")
@click.option("--seed", type=int, help="Give the same inputs again; it is said at the end of each run.")
@click.option("--only", multiple=True, type=click.Choice([reader.name for reader in READERS]), help="Only this reader.")
def main(minutes: float, seed: int | None, only: tuple[str, ...]) -> None:
    """Give every reader of foreign bytes what it does not expect."""
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    rng = random.Random(seed)
    readers = [reader for reader in READERS if not only or reader.name in only]
    tallies = {reader.name: Tally() for reader in readers}
    faults: dict[tuple[str, str], Fault] = {}
    for reader in readers:
        for data in poisoned(reader):
            fault = try_one(reader, data, rng, tallies[reader.name])
            if fault is not None and _key(fault) not in faults:  # one of a kind is shortened, which takes its time
                _note(faults, shortened(reader, fault, rng))
    until = time.monotonic() + 60 * minutes  # noqa: TID251 - no loop of ours runs here
    while time.monotonic() < until:  # noqa: TID251
        for reader in readers:
            if (fault := try_many(reader, rng, _BATCH, tallies[reader.name])) is not None:
                _note(faults, fault)
            if (fault := try_growth(reader, rng)) is not None:
                _note(faults, fault)
    _report(tallies)
    click.echo(f"seed {seed}")
    folder = Path(tempfile.mkdtemp(prefix="voxbridge-fuzz-")) if faults else None
    for fault in faults.values():
        click.echo(f"FAULT {fault}")
        if folder is not None:
            click.echo(f"      {fault.save(folder)}")
    sys.exit(bool(faults))


def _note(faults: dict[tuple[str, str], Fault], fault: Fault) -> None:
    faults.setdefault(_key(fault), fault)


def _key(fault: Fault) -> tuple[str, str]:
    return fault.reader, " ".join(fault.what.split()[:2])


def _report(tallies: dict[str, Tally]) -> None:
    click.echo(f"{'reader':28} {'inputs':>9} {'MB':>8} {'CPU s':>8} {'us/byte':>8} {'longest ms':>11}")
    for name, tally in [*tallies.items(), ("all", _sum(tallies))]:
        per_byte = tally.cpu_s / max(1, tally.total_bytes) * 1e6
        click.echo(
            f"{name:28} {tally.inputs:9} {tally.total_bytes / 1e6:8.1f} {tally.cpu_s:8.2f} {per_byte:8.2f} "
            f"{tally.longest_s * 1000:11.1f}"
        )


def _sum(tallies: dict[str, Tally]) -> Tally:
    return Tally(
        sum(tally.inputs for tally in tallies.values()),
        sum(tally.total_bytes for tally in tallies.values()),
        sum(tally.cpu_s for tally in tallies.values()),
        max(tally.longest_s for tally in tallies.values()),
    )


if __name__ == "__main__":
    main()
