"""Scenes of a call: what Discord and its people do to the bot, and what got through meanwhile, to the packet."""

from __future__ import annotations

from tests.scenes import away, deaf, others

SCENES = (*away.SCENES, *deaf.SCENES, *others.SCENES)
