"""What several kinds of speech-to-text servers have in their settings, and how ours are made of it."""

from __future__ import annotations

from typing import Protocol

from voxbridge.config.rules import matches, option
from voxbridge.config.stages import AUTO
from voxbridge.stages.contracts import Speaker


def first_part(language: str) -> str | None:
    """Return ``en`` of ``en-US``, for servers that know no more of a language; None: the server is to find it out."""
    return None if language == AUTO else language.partition("-")[0]


class ExpectsWords(Protocol):
    """Settings of a kind that can be told which names and rare words to expect."""

    @property
    def hints(self) -> tuple[str, ...]:
        """Return the operator's words."""
        ...

    @property
    def member_hints(self) -> bool:
        """Tell whether the names of the channel's members are expected too."""
        ...


def hints() -> tuple[str, ...]:
    """Declare ``hints``."""
    return option(
        (),
        "Names and rare words to expect.",
        matches(r"[^\r\n]{1,100}", "one line of up to 100 characters"),
        example=["Hibari", "VoxBridge"],
    )


def member_hints() -> bool:
    """Declare ``member_hints``."""
    return option(True, "Expect the names of the channel's members too; they are sent to the server with the hints.")


def model() -> str:
    """Declare ``model`` of a server that has several and a choice of its own."""
    return option(
        "", "The model to transcribe with, where a server has several; its own choice when not set.", example="small"
    )


def expected_words(settings: ExpectsWords, speaker: Speaker) -> tuple[str, ...]:
    """Return the names and rare words to tell the server of: the operator's, then those of the channel."""
    names = speaker.vocabulary if settings.member_hints else ()
    return tuple(dict.fromkeys((*settings.hints, *names)))
