"""Clients of other people, as their packages have them: each joins, listens and speaks while keys change.

What is counted is printed: frames sent, frames heard, words right, keys changed.
"""

from __future__ import annotations

import base64
import collections
import json
import os
import threading
from pathlib import Path

import attrs
import pytest
import trio

from tests.support.speech import clips
from voxbridge.audio.opus import Decoder
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.rehearsal.call import opus_of
from voxbridge.rehearsal.embedded import own_ears
from voxbridge.rehearsal.words import word_errors
from voxbridge.testing.discord_server import DiscordServer
from voxbridge.testing.program import Program

pytestmark = pytest.mark.clients

HERE = Path(__file__).parent
ROOM = Path(os.environ.get("VOXBRIDGE_CLIENTS", "build/clients")).resolve()
SILENCE = b"\xf8\xff\xfe"
OVERTAKES = "rtp_before_speaking"
ADA_ID = 300_000_000_000_000_001


@attrs.frozen
class Client:
    """One library: the program, what runs it, and how much of a speaker's sound it lets through while keys change."""

    name: str
    program: tuple[Path, ...]
    heard_share: float
    hears: bool = True

    def __str__(self) -> str:
        return self.name


CLIENTS = [
    Client(
        "discord.py + discord-ext-voice-recv",
        (ROOM / "voice_recv/bin/python", HERE / "bots/voice_recv_bot.py"),
        0.9,
    ),
    # py-cord 2.8.1 says itself that its receiving is broken (pycord#3139): it takes 8 bytes off each packet, whatever
    # the header extension's length, takes the extension off a second time, and drops what comes in a plain call.
    Client("py-cord", (ROOM / "pycord/bin/python", HERE / "bots/pycord_bot.py"), 0.9, hears=False),
    Client("discord.js", (Path("node"), ROOM / "js/discordjs_bot.cjs"), 0.9),
]


@pytest.fixture(params=CLIENTS, ids=str)
def client(request: pytest.FixtureRequest) -> Client:
    """A client that is installed; skipped, with the reason, where it is not."""
    found: Client = request.param
    for part in found.program:
        if part.parent != Path() and not part.exists():
            why = ROOM / "skipped.txt"
            pytest.skip(why.read_text() if why.exists() else f"{found.name} is not installed: run `nox -s clients`")
    return found


@attrs.frozen
class Figure:
    """What was counted in one direction."""

    direction: str
    sent: int
    delivered: int  # packets with sound that left for the receiver
    heard: int
    words: str
    keys_changed: int

    def __str__(self) -> str:
        frames = f"{self.heard} of {self.sent} frames, {self.words} words"
        return f"{self.direction}: {frames}, keys changed {self.keys_changed} times"


class Coming:
    """Guests who come and go while somebody speaks: each time the call gets new keys."""

    def __init__(self, server: DiscordServer, *, times: int) -> None:
        self._server, self._times = server, times
        self._thread = threading.Thread(target=self._run)
        self.keys_changed = 0

    def _run(self) -> None:
        for number in range(self._times):
            guest = self._server.person(f"guest {number}", dave="libdave" if number % 2 else "davey")
            guest.join()
            guest.wait_ready()
            guest.leave()

    def __enter__(self) -> Coming:
        self.keys_changed = -self._server.discord.dave_epoch()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self.keys_changed += self._server.discord.dave_epoch()


def heard_frames(file: Path) -> list[tuple[int, bytes]]:
    """Read what a bot has heard: whose, and the Opus packet."""
    lines = file.read_text("ascii").splitlines() if file.exists() else []
    entries = [json.loads(line) for line in lines]
    return [(int(entry["user"]), base64.b64decode(entry["opus"])) for entry in entries]


def sound_of(packets: list[bytes]) -> Pcm:
    decoder = Decoder(rate_hz=SPEECH_RATE_HZ)
    return Pcm(b"".join(decoder.decode(packet) for packet in packets), SPEECH_RATE_HZ)


def write_packets(file: Path, packets: list[bytes]) -> Path:
    file.write_bytes(b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets))
    return file


def in_common(sent: list[bytes], heard: list[bytes]) -> int:
    return sum((collections.Counter(sent) & collections.Counter(heard)).values())


def delivered(server: DiscordServer, sender: int) -> int:
    """Count the packets with sound that left for the other of the two who talk."""
    receivers = {ADA_ID, server.discord.bot_id} - {sender}
    packets = server.discord.record.deliveries
    return sum(p.sender == sender and p.receiver in receivers and not p.is_silence for p in packets)


def words_right(said: str, sound: Pcm) -> str:
    ears = own_ears()
    if ears is None or not sound.data:
        return "no"
    count = len(said.split())
    return f"{count - word_errors(said, ears(sound))} of {count}"


def test_client_hears_and_is_heard_while_keys_change(
    client: Client, discord_server: DiscordServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frame for frame, what Ada says reaches the bot and what the bot says reaches Ada, under DAVE."""
    figures = talk_with(client, discord_server, tmp_path)
    with capsys.disabled():
        for figure in figures:
            print(f"\n  {client.name}: {figure}", end="")
    for figure in figures:
        if client.hears or figure.direction == "from the bot":
            assert figure.heard >= client.heard_share * figure.sent, f"too few frames: {figure}"
        assert figure.delivered >= client.heard_share * figure.sent, f"too few frames reached its socket: {figure}"
        assert figure.keys_changed >= 4, f"the keys did not change: {figure}"


def talk_with(client: Client, discord_server: DiscordServer, tmp_path: Path) -> list[Figure]:
    """Let Ada and a bot speak to each other, and count."""
    said, answer = clips()[0], clips()[3]
    heard_file, ada = tmp_path / "heard.jsonl", discord_server.person("Ada", dave="libdave", user_id=ADA_ID)
    ada.join()
    bot_id = discord_server.discord.bot_id
    with discord_server.program(client.program, env={"HEARD_FILE": str(heard_file)}) as bot:
        bot.wait_for("ready")
        bot.tell(f"join {discord_server.discord.voice_channel_id}")
        bot.wait_for("joined")
        discord_server.wait_bot_in()

        sent = opus_of(Pcm(said.pcm, 16_000))
        with Coming(discord_server, times=2) as coming:
            ada.say(sent)
        to_bot = what_it_heard(client, discord_server, sent, heard_file, bot)
        words = words_right(said.words, sound_of(to_bot))
        hearing = Figure(
            "to the bot",
            len(sent),
            delivered(discord_server, ada.id),
            in_common(sent, to_bot),
            words,
            coming.keys_changed,
        )

        played = opus_of(Pcm(answer.pcm, 16_000))
        with Coming(discord_server, times=2) as coming:
            bot.tell(f"play {write_packets(tmp_path / 'answer.opus', played)}")
            bot.wait_for("played", timeout_s=30)
        sound = ada.wait_heard(0.95 * len(played) * 0.02)
        from_bot = [p.opus for p in ada.member.heard if p.user_id == bot_id and p.opus]
        words = words_right(answer.words, sound)
        speaking = Figure(
            "from the bot",
            len(played),
            delivered(discord_server, bot_id),
            in_common(played, from_bot),
            words,
            coming.keys_changed,
        )
        bot.tell("leave")
        bot.wait_for("left")
        discord_server.wait_until(lambda: not discord_server.discord.is_in_call(discord_server.discord.bot_id))

    # A client's first packet may overtake its own word that it speaks: UDP against a websocket.
    faults = {name: count for name, count in discord_server.discord.record.faults.items() if name != OVERTAKES}
    assert not faults
    return [hearing, speaking]


def what_it_heard(client: Client, server: DiscordServer, sent: list[bytes], file: Path, bot: Program) -> list[bytes]:
    """Wait until the bot has noted nearly as many packets as were sent, and return them without silence."""
    if not client.hears:
        return []
    wanted = client.heard_share * len(sent)
    try:
        server.wait_until(lambda: file.exists() and file.read_bytes().count(b"\n") >= wanted)
    except trio.TooSlowError as late:
        raise AssertionError(
            f"{client.name} heard {len(heard_frames(file))} packets of the {len(sent)} that were said; it printed:\n"
            + "\n".join(bot.output()[-30:])
        ) from late
    return [opus for _, opus in heard_frames(file) if opus != SILENCE]
