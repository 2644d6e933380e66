"""What is in the wheel and in the sdist, as the build tool lists it: nothing is built."""

from __future__ import annotations

from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
# One of each kind of file that is not Python, and what would be missing without it.
NEEDED = [
    "voxbridge/py.typed",  # our types, for plug-ins
    "voxbridge/audio/models/silero_vad.onnx",  # hearing anybody
    "voxbridge/audio/models/smart-turn-v3.2-cpu.onnx",  # the end of a turn
    "voxbridge/rehearsal/clips/transcripts.tsv",  # `rehearse`
    "voxbridge/rehearsal/scenes/bundled/interrupted.toml",  # `rehearse --scene`
    "voxbridge/rehearsal/talk/static/index.html",  # `talk`
    "voxbridge/stages/agent/workflows/webhook-agent.json",  # `workflows`
    "voxbridge/storage/migrations/0001_facts.sql",  # any memory
]


def files_below(folder: str) -> set[str]:
    """Return the files of a folder of the checkout, without what Python or a tool leaves there."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel() -> set[str]:
    """The paths in the wheel, below site-packages."""
    builder = WheelBuilder(str(ROOT))
    return {str(file.distribution_path) for file in builder.recurse_included_files()}


def test_the_wheel_has_the_whole_package(wheel: set[str]) -> None:
    """A model, a page, a scene or a step of the database that is in the checkout is in the wheel."""
    assert wheel == {path.removeprefix("src/") for path in files_below("src/voxbridge")}
    assert set(NEEDED) <= wheel


def test_the_wheel_brings_what_an_operator_copies() -> None:
    """The units, their examples and the compose file are in share/voxbridge of the environment."""
    shared = WheelBuilder(str(ROOT)).config.shared_data
    assert {Path(here).name: there for here, there in shared.items()} == {
        "systemd": "share/voxbridge/systemd",
        "container": "share/voxbridge/container",
    }
    assert "systemd/voxbridge.service" in files_below("systemd")
    assert "container/compose.yaml" in files_below("container")


def test_the_sdist_builds_and_tests_itself() -> None:
    """Who packages VoxBridge for a distribution gets code, tests, documents, units, containers, and no stray file."""
    files = {str(file.distribution_path) for file in SdistBuilder(str(ROOT)).recurse_included_files()}
    folders = ("src", "tests", "docs", "systemd", "container")
    assert {path for path in files if path.partition("/")[0] in folders} == set().union(*map(files_below, folders))
    alone = {path for path in files if "/" not in path}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "noxfile.py", "mkdocs.yml"} <= alone
    assert not {path for path in alone if path.endswith((".log", ".json"))}
