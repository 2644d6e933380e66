"""`python -m tests.mutate FILES [--count 10]`: change our code in one place, and see whether a test notices.

Which test reaches which line is measured once (`reach.py`). Each mutant then runs in a process of its own, forked from
one that has imported the libraries, and only the tests that reach it are asked, the cheapest first, until one fails
(`trial.py`). Verdicts are kept in ``build/mutate``: a run that was cut off goes on, and `--again` asks survivors anew.
"""

from __future__ import annotations

import collections
import concurrent.futures
import json
import multiprocessing
import random
from collections.abc import Iterator
from pathlib import Path

import attrs
import click

from tests.mutate.mutants import Mutant, mutants_of
from tests.mutate.reach import PACKAGE, ROOT, Reach, Test, chunks, measured_here, places
from tests.mutate.trial import Verdict, chosen, forked, import_libraries, tried

VERDICTS = ROOT / "build" / "mutate" / "verdicts.jsonl"
FOLDERS = ("unit", "integration")


@attrs.frozen
class Case:
    """A mutant of a file, and what it is known by from run to run, wherever its line stands."""

    file: str  # inside the package
    mutant: Mutant
    key: str

    def __str__(self) -> str:
        return f"{self.file} {self.mutant}"


def cases_of(module: Path) -> list[Case]:
    """Return all mutants of a file."""
    source = module.read_bytes()
    text, file = source.decode(), module.relative_to(PACKAGE).as_posix()
    around, seen = places(text), collections.Counter[str]()
    found = []
    for mutant in mutants_of(source):
        known = f"{file} {around.get(mutant.line, '')}: {' '.join(mutant.before.split())} -> {mutant.after}"
        seen[known] += 1
        found.append(Case(file, mutant, f"{known} #{seen[known]}"))
    return found


def sampled(cases: list[Case], share: float, count: int, seed: int) -> list[Case]:
    """Return some of a file's mutants, the same for the same seed; of a smaller number, the first of them."""
    wanted = min(len(cases), count or len(cases), max(1, round(share * len(cases))))
    shuffled = sorted(cases, key=lambda case: random.Random(f"{seed} {case.key}").random())
    return shuffled[:wanted]


def modules(paths: tuple[Path, ...]) -> Iterator[Path]:
    """Return the files that are meant, folders included."""
    for path in paths:
        yield from sorted(path.resolve().rglob("*.py")) if path.is_dir() else [path.resolve()]


def measure(reach: Reach, folders: tuple[str, ...]) -> None:
    """Run what is new or changed among the tests, and keep what it reaches."""
    stale = reach.stale(folders)
    reach.forget(stale)
    for files in chunks(stale):
        click.echo(f"measuring {len(files)} files of tests, {files[0]} and on")
        told = forked(lambda files=files: measured_here(files), 3600)  # type: ignore[misc]
        if not isinstance(told, list):
            raise click.ClickException(f"{told}: {' '.join(files)}")
        took, covered = told
        reach.add(took, {file: {int(line): tests for line, tests in of.items()} for file, of in covered.items()})
        reach.measured.update({file: stale[file] for file in files})
        reach.keep()


def kept() -> dict[str, Verdict]:
    """Return the verdicts of earlier runs, the last of each mutant."""
    if not VERDICTS.exists():
        return {}
    rows = map(json.loads, VERDICTS.read_text("utf-8").splitlines())
    return {row["key"]: Verdict(row["by"], row["took_s"]) for row in rows}


def _judged(case: Case, tests: list[Test]) -> Verdict:
    path = PACKAGE / case.file
    return tried(path, case.mutant.applied(path.read_bytes()), tests) if tests else Verdict("", 0.0)


def judge(cases: list[Case], reach: Reach, budget_s: float, jobs: int) -> None:
    """Ask the tests about each mutant, and keep each verdict as it comes."""
    forking = multiprocessing.get_context("fork")
    with (
        concurrent.futures.ProcessPoolExecutor(jobs, mp_context=forking) as pool,
        VERDICTS.open("a", encoding="utf-8") as file,
    ):
        asked = {}
        for case in cases:
            source = (PACKAGE / case.file).read_text("utf-8")
            last = case.mutant.line + case.mutant.before.count("\n")
            numbers = reach.of(case.file, source, case.mutant.line, last)
            tests = chosen([reach.tests[number] for number in numbers], Path(case.file).stem, budget_s)
            asked[pool.submit(_judged, case, tests)] = case, tests
        for done in concurrent.futures.as_completed(asked):
            (case, tests), verdict = asked[done], done.result()
            file.write(json.dumps({"key": case.key, "by": verdict.by, "took_s": round(verdict.took_s, 2)}) + "\n")
            file.flush()
            if not verdict.by:
                click.echo(f"lives: {case}, {len(tests)} tests asked in {verdict.took_s:.1f} s")


def table(cases: list[Case], verdicts: dict[str, Verdict]) -> Iterator[str]:
    """Return how many of a file's mutants were killed, by file, by package, and altogether."""
    tried_of, killed_of = collections.Counter[str](), collections.Counter[str]()
    for case in cases:
        package = case.file.rpartition("/")[0]
        for row in (case.file, f"{package}/", f"{package.partition('/')[0]}/ and below", "all"):
            tried_of[row] += case.key in verdicts
            killed_of[row] += bool(case.key in verdicts and verdicts[case.key].by)
    yield "| file | mutants | killed | |"
    yield "| --- | --- | --- | --- |"
    for row in sorted(tried_of, key=lambda row: (row == "all", row.endswith("below"), row.endswith("/"), row)):
        if tried_of[row]:
            yield f"| {row} | {tried_of[row]} | {killed_of[row]} | {killed_of[row] / tried_of[row]:.0%} |"


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--share", default=1.0, show_default=True, help="How many of a file's mutants are tried.")
@click.option("--count", default=0, help="How many of a file's mutants are tried at most; 0: all of them.")
@click.option("--seed", default=1, show_default=True, help="Which ones.")
@click.option("--again", is_flag=True, help="Ask again about those that lived in an earlier run.")
@click.option("--anew", is_flag=True, help="Ask again about all.")
@click.option("--budget", "budget_s", default=12.0, show_default=True, help="Seconds of tests for one mutant.")
@click.option("--jobs", default=1, show_default=True, help="How many are tried side by side.")
@click.option("--tests", "folders", multiple=True, default=FOLDERS, help="Folders and files in tests/ to measure.")
@click.option("--no-measure", is_flag=True, help="Use the table of what reaches what as it was kept.")
@click.option("--only", default="", help="Only mutants whose key has this in it.")
def main(
    paths: tuple[Path, ...],
    share: float,
    count: int,
    seed: int,
    again: bool,
    anew: bool,
    budget_s: float,
    jobs: int,
    folders: tuple[str, ...],
    no_measure: bool,
    only: str,
) -> None:
    """Change our code in one place, and see whether a test notices."""
    VERDICTS.parent.mkdir(parents=True, exist_ok=True)
    import_libraries()
    reach = Reach.kept()
    if not no_measure:
        measure(reach, folders)
    cases = [case for path in modules(paths) for case in sampled(cases_of(path), share, count, seed)]
    cases = [case for case in cases if only in case.key]
    known = {} if anew else kept()
    wanted = [case for case in cases if case.key not in known or (again and not known[case.key].by)]
    judge(wanted, reach, budget_s, jobs)
    known = kept()
    for case in cases:
        if not known[case.key].by:
            click.echo(f"lives: {case}")
    click.echo("\n" + "\n".join(table(cases, known)))


if __name__ == "__main__":
    main()
