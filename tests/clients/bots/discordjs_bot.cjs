// discord.js 14 with @discordjs/voice 0.19, as its guide has it.
"use strict";
const fs = require("node:fs");
const readline = require("node:readline");
const { Readable } = require("node:stream");
const { Client, GatewayIntentBits } = require("discord.js");
const voice = require("@discordjs/voice");

function packets(path) {
  const data = fs.readFileSync(path);
  const found = [];
  for (let at = 0; at < data.length; ) {
    const size = data.readUInt16BE(at);
    found.push(data.subarray(at + 2, at + 2 + size));
    at += 2 + size;
  }
  return found;
}

const client = new Client({ intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildVoiceStates] });
let connection;

function listenTo(user) {
  const stream = connection.receiver.subscribe(user, { end: { behavior: voice.EndBehaviorType.Manual } });
  stream.on("data", (opus) => {
    fs.appendFileSync(process.env.HEARD_FILE, JSON.stringify({ user, opus: opus.toString("base64") }) + "\n");
  });
  stream.on("error", (error) => console.log("stream:", error.message));
}

const obey = {
  async join(channelId) {
    const channel = await client.channels.fetch(channelId);
    connection = voice.joinVoiceChannel({
      channelId,
      guildId: channel.guildId,
      adapterCreator: channel.guild.voiceAdapterCreator,
      selfDeaf: false,
    });
    await voice.entersState(connection, voice.VoiceConnectionStatus.Ready, 20_000);
    const known = new Set();
    connection.receiver.speaking.on("start", (user) => {
      if (!known.has(user)) {
        known.add(user);
        listenTo(user);
      }
    });
    console.log("joined");
  },
  async play(path) {
    const player = voice.createAudioPlayer();
    player.on("error", (error) => console.log("player:", error.message));
    connection.subscribe(player);
    const stream = Readable.from(packets(path), { objectMode: true });
    player.play(voice.createAudioResource(stream, { inputType: voice.StreamType.Opus }));
    await voice.entersState(player, voice.AudioPlayerStatus.Playing, 5_000);
    player.on(voice.AudioPlayerStatus.Idle, () => console.log("played"));
  },
  async leave() {
    connection.destroy();
    console.log("left");
  },
};

client.once("clientReady", () => {
  console.log("ready");
  readline.createInterface({ input: process.stdin }).on("line", (line) => {
    const [command, ...args] = line.split(" ");
    obey[command](...args).catch((error) => console.log("error:", error.stack));
  });
});
client.login(process.env.DISCORD_TOKEN);
