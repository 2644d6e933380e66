"""Scenes: who says what when, over which line, what fails meanwhile, and what must be true of what comes of it.

SCENE.toml -> reading -> Scene (scene, expect) -> play: steps in the simulated call -> Played -> judge -> tell

The same classes are what users write (``voxbridge rehearse SCENE.toml``) and what our own tests play.
"""
