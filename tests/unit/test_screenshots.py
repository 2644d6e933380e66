"""The pictures in the documents show the page as it is now."""

from __future__ import annotations

import pytest

from tests.support.screenshots import AGAIN, LARGEST_BYTES, PICTURES, ROOT, SIZES, TAKEN_OF, look, names, png_size

pytestmark = pytest.mark.unit


def test_pictures_were_taken_of_the_page_of_today() -> None:
    """Whoever changes the page takes them again; no other file lies beside them."""
    assert TAKEN_OF.read_text(encoding="utf-8").strip() == look(), f"the page has changed; {AGAIN}"
    assert sorted(file.name for file in PICTURES.glob("*.png")) == sorted(names()), AGAIN


@pytest.mark.parametrize("name", names())
def test_picture_has_its_size_and_is_shown(name: str) -> None:
    """A page loads quickly, and each picture stands in a document, with words for who cannot see it."""
    picture = PICTURES / name
    assert png_size(picture) == SIZES[name.rsplit("-", 1)[0]]
    assert picture.stat().st_size <= LARGEST_BYTES
    shown = [line for page in (ROOT / "docs").glob("*.md") for line in page.read_text("utf-8").splitlines()]
    assert [line for line in shown if f"](screenshots/{name}" in line and "![](" not in line], "no document shows it"
