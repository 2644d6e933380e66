import os
import shlex
import sys
from pathlib import Path

HERE = Path(__file__).parent
BOT = shlex.split(os.environ.get("BOT", f"{sys.executable} bell_bot.py"))


def test_the_bell_rings_for_who_asks(discord_server):
    ada, ben = discord_server.person("Ada"), discord_server.person("Ben")
    ada.join()
    ben.join()
    with discord_server.program(BOT, cwd=HERE):
        discord_server.wait_commands("bell")
        assert ada.use("bell").content == "Ding!"
        for listener in (ada, ben):
            sound = listener.wait_heard(seconds=0.7)
            assert any(sound.data), "the bell is silent"
