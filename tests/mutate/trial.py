"""One mutant in a process of its own: forked from one that has imported all libraries, and nothing of ours yet."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType

import attrs
import pytest

from tests.mutate.reach import KINDS, OPTIONS, ROOT, Test

# What takes long to import, and is not ours.
_LIBRARIES = [
    "numpy",
    "trio",
    "trio.testing",
    "httpx",
    "structlog",
    "hypothesis",
    "hypothesis.strategies",
    "discord",
    "discord.ext.voice_recv",
    "aiohttp",
    "nacl.secret",
    "davey",
    "dave",
    "trio_asyncio",
    "wsproto",
    "h11",
    "onnxruntime",
    "click",
    "tomlkit",
    "mcp",
    "pydantic",
    "rich",
]
_SAID = ROOT / "build" / "mutate" / "said"  # by the last process
_MEMORY_BYTES = 6 << 30


def import_libraries() -> None:
    """Import what every test needs, once for all that are forked."""
    for name in _LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Import one module of ours from a text that is not its file's."""

    def __init__(self, module: str, path: Path, source: bytes) -> None:
        self.module, self.path, self.source = module, path, source

    def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.module:
            return None
        folders = [str(self.path.parent)] if self.path.stem == "__init__" else None
        return importlib.util.spec_from_file_location(
            fullname, self.path, loader=self, submodule_search_locations=folders
        )

    def exec_module(self, module: ModuleType) -> None:
        code: CodeType = compile(self.source, str(self.path), "exec")
        exec(code, module.__dict__)


class _Chosen:
    """The plug-in that runs some tests only, in the order in which they are asked for, and keeps the first failure."""

    def __init__(self, nodes: list[str]) -> None:
        self.order = {node: number for number, node in enumerate(nodes)}
        self.failed = ""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        import hypothesis  # after the tests' own profile

        quick = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
        hypothesis.settings.register_profile("mutate", deadline=None, database=None, phases=quick)
        hypothesis.settings.load_profile("mutate")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self.order), key=lambda item: self.order[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


def chosen(candidates: list[Test], mirror: str, budget_s: float) -> list[Test]:
    """Return the tests that are asked: the cheapest first, few of one function, unit tests for half of the budget."""
    nth: dict[str, int] = {}
    ranked = []
    for test in sorted(candidates, key=lambda test: test.took_s):
        function = test.node.partition("[")[0]
        nth[function] = nth.get(function, -1) + 1
        near = test.file.removesuffix(".py").rpartition("test_")[2].startswith(mirror)
        ranked.append((KINDS.index(test.kind), nth[function] // 4, not near, test.took_s, test))
    taken, spent_s = [], 0.0
    for kind, _, near, took_s, test in sorted(ranked, key=lambda row: row[:4]):
        limit_s = budget_s / 2 if kind == 0 else budget_s
        if spent_s + took_s <= limit_s or (kind == 0 and not near and took_s < budget_s):
            taken.append(test)
            spent_s += took_s
    return taken


@attrs.frozen
class Verdict:
    """What became of a mutant, and how long that took."""

    by: str  # the test that noticed; empty: it lives
    took_s: float


def forked(work: Callable[[], object], limit_s: float) -> object:
    """Do something in a process of its own, and return what it returned: "it hangs" or "it crashes" if it did."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _in_child(work, writer, limit_s)
    os.close(writer)
    told = b""
    # Twice and a minute: others may want the machine as well, and a test may wait for what never comes.
    until = time.monotonic() + 2 * limit_s + 60  # noqa: TID251 - no loop of ours runs here
    while select.select([reader], [], [], max(0.0, until - time.monotonic()))[0]:  # noqa: TID251
        if not (more := os.read(reader, 65536)):
            break
        told += more
    else:
        os.killpg(child, signal.SIGKILL)
    os.close(reader)
    _, status = os.waitpid(child, 0)
    if told:
        with contextlib.suppress(ValueError):
            return json.loads(told)
    stopped = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGXCPU)
    return "it hangs" if stopped else "it crashes"


def _in_child(work: Callable[[], object], writer: int, limit_s: float) -> None:
    try:
        os.setpgid(0, 0)
        _SAID.parent.mkdir(parents=True, exist_ok=True)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        said = os.open(_SAID.with_suffix(f".{os.getppid()}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(said, stream)
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s) + 1, int(limit_s) + 5))
        if limit_s < 1000:
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        told = json.dumps(work()).encode()
        while told:
            told = told[os.write(writer, told) :]
    except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)


def _asked(module: str, path: Path, source: bytes, tests: list[Test]) -> str:
    sys.meta_path.insert(0, _Changed(module, path, source))
    sys.dont_write_bytecode = False
    plugin = _Chosen([test.node for test in tests])
    files = sorted({test.file for test in tests})
    options = ["-x", "-o", "faulthandler_timeout=600", "--scheduler-seed", "0"]
    code = pytest.main([*OPTIONS, *options, *files], [plugin])
    if plugin.failed:
        return plugin.failed
    return "" if code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) else "it cannot be imported"


def tried(path: Path, source: bytes, tests: list[Test]) -> Verdict:
    """Run tests against a changed text of one module. A test on the real clock has to fail twice to count."""
    began = time.monotonic()  # noqa: TID251
    module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
    limit_s = 10 + 3 * sum(test.took_s for test in tests)
    kinds = {test.node: test.kind for test in tests}
    by = str(forked(lambda: _asked(module, path, source, tests), limit_s))
    if kinds.get(by) == "real":
        by = str(forked(lambda: _asked(module, path, source, [t for t in tests if t.node == by]), limit_s))
    return Verdict(by, time.monotonic() - began)  # noqa: TID251
