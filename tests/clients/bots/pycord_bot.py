"""py-cord 2.8, whose own sink listens, DAVE included."""

import logging
import os

import discord
from control import lines, note_heard, packets, say


class Packets(discord.AudioSource):
    """Opus as it is."""

    def __init__(self, path):
        self._packets = iter(packets(path))

    def read(self):
        return next(self._packets, b"")

    def is_opus(self):
        return True


class Sink(discord.sinks.Sink):
    """Keeps what is heard, as it came."""

    __sink_listeners__ = ()

    def is_opus(self):
        return True

    def write(self, data, user):
        if data.opus and user is not None:
            note_heard(user.id, data.opus)

    def walk_children(self, with_self=False):
        return [self] if with_self else []


logging.basicConfig()
bot = discord.Bot(intents=discord.Intents(guilds=True, voice_states=True))


@bot.event
async def on_ready():
    say("ready")
    voice = None
    async for command, *args in lines():
        if command == "join":
            voice = await bot.get_channel(int(args[0])).connect()
            sink = Sink()
            sink.init(voice)  # py-cord 2.8.1 forgets to
            voice.start_recording(sink, lambda _error: None)
            say("joined")
        elif command == "play":
            voice.play(Packets(args[0]), after=lambda error: say("played", error or ""))
        elif command == "leave":
            await voice.disconnect()
            say("left")


bot.run(os.environ["DISCORD_TOKEN"])
