"""What to say of a key that is no setting: whose option it is, or what was meant."""

from __future__ import annotations

import difflib

from voxbridge.config.catalogue import fields_of, keys
from voxbridge.config.environment import VARIABLES
from voxbridge.config.kinds import STAGES, usable_kinds
from voxbridge.config.settings import Settings
from voxbridge.errors import ConfigError, StageName

_GUESSES_MAX = 4


def unknown(name: str, key: str, cls: type, root: type, *, is_top: bool) -> ConfigError:
    """Return the error of a key with this name in a table of ``cls``; ``is_top``: in none.

    What stands there may be a secret under a mistyped name: never shown.
    """
    known = [field.name for field in fields_of(cls)]
    if of_others := _kinds_with(name, cls):
        ours = " | ".join(_kinds_of(cls))
        return ConfigError(
            f'is not an option of kind = "{ours}"', key=key, allowed=f"with kind = {' | '.join(of_others)}"
        )
    close = _meant(name, known, root, is_top=is_top)
    hint = f". Did you mean {' or '.join(close)}?" if close else ""
    allowed = "" if close else ", ".join(known)
    return ConfigError(f"there is no such setting{hint}", key=key, allowed=allowed)


def _meant(name: str, known: list[str], root: type, *, is_top: bool) -> list[str]:
    """Guess which setting was meant: this name elsewhere, a variable's or a kind's in a section's place, a close name.

    A name that stands in many places tells nothing: then it is rather a slip of this section's.
    """
    if root is not Settings:
        elsewhere = [key for key in sorted(keys(root)) if key.endswith(f".{name}")]
        return elsewhere[:1] or difflib.get_close_matches(name, known, 1)
    if is_top and (variable := next((each for each in VARIABLES if each.name == name), None)):
        return [variable.key]
    close = difflib.get_close_matches(name.lower(), known, 1)
    elsewhere = [f"{stage}.{name}" for stage in STAGES.values() if _is_of_kinds(name, stage)]
    elsewhere = elsewhere or [key for key in sorted(keys(root)) if key.endswith(f".{name}")]
    if len(elsewhere) <= (1 if close else _GUESSES_MAX) and elsewhere:
        return elsewhere
    if close or not is_top:
        return close
    kinds = {kind: stage for stage in STAGES.values() for kind in usable_kinds(stage)}
    return [f'[{kinds[kind]}] with kind = "{kind}"' for kind in difflib.get_close_matches(name.lower(), kinds, 1)]


def _is_of_kinds(name: str, stage: StageName) -> bool:
    return any(name == field.name for kind in usable_kinds(stage).values() for field in fields_of(kind.settings))


def _stage_of(cls: type) -> StageName | None:
    return next((stage for base, stage in STAGES.items() if issubclass(cls, base)), None)


def _kinds_of(cls: type) -> list[str]:
    stage = _stage_of(cls)
    return [] if stage is None else [name for name, kind in usable_kinds(stage).items() if kind.settings is cls]


def _kinds_with(name: str, cls: type) -> list[str]:
    """Return the kinds of a backend's stage that have an option, also under a former name."""
    stage = _stage_of(cls)
    if stage is None:
        return []
    return [
        kind
        for kind, found in usable_kinds(stage).items()
        if any(name == field.name or name in field.metadata["was"] for field in fields_of(found.settings))
    ]
