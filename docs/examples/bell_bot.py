import os

import discord
from discord.oggparse import OggStream


class Bell(discord.AudioSource):
    def __init__(self):
        self.packets = OggStream(open("bell.ogg", "rb")).iter_packets()
        next(self.packets), next(self.packets)  # two headers

    def read(self):
        return next(self.packets, b"")

    def is_opus(self):
        return True


bot = discord.Client(intents=discord.Intents.default())
commands = discord.app_commands.CommandTree(bot)


@commands.command(description="Ring the bell")
async def bell(interaction):
    await interaction.response.send_message("Ding!")
    voice = await interaction.user.voice.channel.connect()
    voice.play(Bell())


@bot.event
async def setup_hook():
    await commands.sync()


bot.run(os.environ["DISCORD_TOKEN"])
