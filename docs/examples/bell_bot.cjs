const fs = require("node:fs");
const { Client, GatewayIntentBits } = require("discord.js");
const voice = require("@discordjs/voice");

const client = new Client({ intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildVoiceStates] });

client.once("clientReady", () => {
  client.application.commands.create({ name: "bell", description: "Ring the bell" });
});

client.on("interactionCreate", async (interaction) => {
  await interaction.reply("Ding!");
  const channel = interaction.member.voice.channel;
  const connection = voice.joinVoiceChannel({
    channelId: channel.id,
    guildId: channel.guildId,
    adapterCreator: channel.guild.voiceAdapterCreator,
  });
  await voice.entersState(connection, voice.VoiceConnectionStatus.Ready, 20_000);
  const player = voice.createAudioPlayer();
  connection.subscribe(player);
  player.play(voice.createAudioResource(fs.createReadStream("bell.ogg"), { inputType: voice.StreamType.OggOpus }));
});

client.login(process.env.DISCORD_TOKEN);
