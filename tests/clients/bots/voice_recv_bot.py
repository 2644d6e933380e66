"""discord.py 2.7 with discord-ext-voice-recv, which knows nothing of DAVE: its packets are opened here by davey."""

import os

import davey
import discord
from control import lines, note_heard, packets, say
from discord.ext import voice_recv


class Packets(discord.AudioSource):
    """Opus as it is."""

    def __init__(self, path):
        self._packets = iter(packets(path))

    def read(self):
        return next(self._packets, b"")

    def is_opus(self):
        return True


class Sink(voice_recv.AudioSink):
    """Keeps what is heard."""

    def wants_opus(self):
        return True

    def write(self, user, data):
        opus = data.opus
        session = self.voice_client._connection.dave_session
        if opus and session is not None and opus[-2:] == b"\xfa\xfa" and user is not None:
            try:
                opus = session.decrypt(user.id, davey.MediaType.audio, opus)
            except ValueError:
                return
        if opus and user is not None:
            note_heard(user.id, opus)

    def cleanup(self):
        pass


client = discord.Client(intents=discord.Intents(guilds=True, voice_states=True))


@client.event
async def on_ready():
    say("ready")
    voice = None
    async for command, *args in lines():
        if command == "join":
            voice = await client.get_channel(int(args[0])).connect(cls=voice_recv.VoiceRecvClient)
            voice.listen(Sink())
            say("joined")
        elif command == "play":
            voice.play(Packets(args[0]), after=lambda error: say("played", error or ""))
        elif command == "leave":
            await voice.disconnect()
            say("left")


client.run(os.environ["DISCORD_TOKEN"], log_handler=None)
