"""The scenes that are short, through the real daemon. `nox -s scenes` plays all, and says what was heard, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenes import SCENES
from tests.scenes.scene import Scene, perform, table

pytestmark = pytest.mark.integration

QUICK = [scene for scene in SCENES if scene.is_quick]


@pytest.mark.parametrize("scene", QUICK, ids=[f"{scene.line} {scene.name}" for scene in QUICK])
async def test_whatever_happens_we_are_where_we_are_wanted_heard_and_hearing(scene: Scene, tmp_path: Path) -> None:
    """Within ten seconds after the trouble, by the words that came to the speech server and the frames at each ear."""
    print(table([await perform(scene, tmp_path)]))
