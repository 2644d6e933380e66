"""README and the guide: one-line, well-formed commands, examples that hold; `.ci/run` runs the second command."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from voxbridge.config import load
from voxbridge.config.environment import TEST_MODE, TEST_URL, VARIABLES

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(heading: str, language: str) -> str:
    """Return the one code block of a language under a heading of the second level."""
    (section,) = re.findall(rf"(?ms)^## {heading}$(.*?)(?=^## |\Z)", README)
    (text,) = re.findall(rf"(?ms)^```{language}\n(.*?)^```$", section)
    return text


@pytest.mark.parametrize(("heading", "end"), [("Try it", ".venv/bin/voxbridge rehearse"), ("Test it", ".venv/bin/nox")])
def test_command_is_one_line_that_makes_its_environment(heading: str, end: str) -> None:
    """Who copies the line needs nothing before it, and it says nothing of another machine."""
    (line,) = block(heading, "sh").splitlines()
    steps = [shlex.split(step) for step in line.split(" && ")]
    assert steps[0] == ["python3", "-m", "venv", ".venv"]
    assert steps[1][:4] == [".venv/bin/pip", "install", "-q", "-e"]
    assert line.endswith(f" && {end}")
    assert subprocess.run(["bash", "-n", "-c", line], check=False).returncode == 0, f"bash cannot parse: {line}"


@pytest.mark.parametrize("heading", ["Try it", "Test it"])
def test_command_installs_extras_that_exist(heading: str) -> None:
    """An extra that was renamed is only a warning of pip's, and then something is missing."""
    (extras,) = re.findall(r"\.\[([\w,]+)\]", block(heading, "sh"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_ci_runs_the_command_of_the_readme(tmp_path: Path) -> None:
    """The line that CI takes out of README.md is the one under "Test it": a stand-in for its tools notes the calls."""
    (tmp_path / ".ci").mkdir()
    script = tmp_path / ".ci" / "run"
    script.write_text((ROOT / ".ci" / "run").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    tool = '#!/bin/sh\necho "$(basename "$0") $*" >> calls\n'
    for name in ("bin/python3", ".venv/bin/pip", ".venv/bin/nox"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(tool, encoding="utf-8")
        path.chmod(0o755)
    (tmp_path / "bin" / "apt-get").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")  # that it fails costs nothing
    (tmp_path / "bin" / "apt-get").chmod(0o755)
    subprocess.run(["bash", script], check=True, env={"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"})
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert calls == ["python3 -m venv .venv", "pip install -q -e .[embedded,dev]", "nox "]


def test_ci_refuses_a_readme_without_the_command(tmp_path: Path) -> None:
    """A README that lost its command must not pass as a CI run that did nothing."""
    (tmp_path / ".ci").mkdir()
    script = tmp_path / ".ci" / "run"
    script.write_text((ROOT / ".ci" / "run").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "README.md").write_text("# Nothing\n\n```sh\nexit 0\n```\n", encoding="utf-8")
    done = subprocess.run(["bash", script], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Test it" in done.stderr


def test_configuration_example_loads(tmp_path: Path) -> None:
    """The example is a valid configuration, its secret files aside."""
    text = block("Use it", "toml")
    for name in re.findall(r'file = "([^"]+)"', text):
        secret = tmp_path / Path(name).name
        secret.write_text("https://n8n.example.org/webhook/x")
        secret.chmod(0o600)
        text = text.replace(name, secret.name)
    file = tmp_path / "voxbridge.toml"
    file.write_text(text)
    settings = load(file, {})
    assert (settings.stt.kind, settings.agent.kind, settings.tts.kind) == ("whisperx", "n8n", "chatterbox")


def test_every_variable_is_named() -> None:
    """The table of the environment is the source; README lists all of it."""
    for name in (TEST_MODE, TEST_URL.name, *(variable.name for variable in VARIABLES)):
        assert f"`{name}`" in README, f"README does not name {name}"


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "ARCHITECTURE.md"])
def test_links_within_the_repository_lead_somewhere(document: str) -> None:
    """A file that was moved takes its links along."""
    text = re.sub(r"^```.*?^```", "", (ROOT / document).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\((?!https?://)([^)#]+)\)", text)
    assert not [target for target in targets if not (ROOT / target).exists()]


def test_example_of_the_guide_is_a_test_that_runs() -> None:
    """The guide shows the file as it is, so the example cannot rot."""
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = (ROOT / "tests" / "integration" / "test_example.py").read_text(encoding="utf-8")
    assert f"```python\n{example}```\n" in guide, "copy tests/integration/test_example.py into CONTRIBUTING.md"


def test_guide_names_sessions_that_exist() -> None:
    """A session that was renamed takes the guide along."""
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    sessions = set(re.findall(r"(?m)^def (\w+)\(session: nox\.Session\)", (ROOT / "noxfile.py").read_text("utf-8")))
    named = {name for names in re.findall(r"nox -s ((?:\w+ ?)+)", guide) for name in names.split()}
    assert named
    assert named <= sessions
