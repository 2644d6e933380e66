"""The rule of tests/conftest.py: exactly one category for each test, or nothing is run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("marks", "code", "says"),
    [
        ("pytest.mark.unit", pytest.ExitCode.OK, "1 passed"),
        ("[pytest.mark.integration, pytest.mark.latency]", pytest.ExitCode.OK, "1 passed"),
        ("[]", pytest.ExitCode.USAGE_ERROR, "has []"),
        ("pytest.mark.latency", pytest.ExitCode.USAGE_ERROR, "has []"),
        ("[pytest.mark.unit, pytest.mark.e2e]", pytest.ExitCode.USAGE_ERROR, "has ['e2e', 'unit']"),
        ("pytest.mark.unti", pytest.ExitCode.INTERRUPTED, "'unti' not found in `markers`"),
    ],
)
def test_module_without_exactly_one_category_stops_the_run(
    pytester: pytest.Pytester, marks: str, code: pytest.ExitCode, says: str
) -> None:
    """Else a test could belong to no session and never run, or to two and run twice."""
    pytester.makepyprojecttoml((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(test_it=f"import pytest\npytestmark = {marks}\ndef test_it(): ...\n")
    done = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "test_it.py")
    told = done.stdout.str() + done.stderr.str()
    assert says in told, told
    assert done.ret == code
