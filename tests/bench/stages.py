"""The embedded stages by themselves: the product's clients against the engines' process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import trio

from tests.bench.turns import Progress, Samples
from voxbridge.audio.opus import Decoder
from voxbridge.config.settings import Settings
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.sound.pcm import Pcm
from voxbridge.engines.process import EnginesProcess
from voxbridge.rehearsal.call import opus_of
from voxbridge.stages.contracts import Speaker, TtsRequest
from voxbridge.stages.registry import open_stages
from voxbridge.stages.sinks import SoundInto

SENTENCES = (
    "Hello there, how can I help you today?",
    "The weather in Boston is sunny with a high of seventy two degrees.",
    "I have scheduled your meeting with Doctor Smith for three thirty on Tuesday.",
    "Sure, I can play that song for you right now.",
    "Please remember to buy milk, bread, and a dozen eggs on your way home.",
)
SPEAKER = Speaker(UserId(1), "Ada", GuildId(1), ChannelId(1))


async def embedded_stages(clips: Sequence[Pcm], count: int, progress: Progress) -> Samples:
    """Measure end of speech to final transcript (without the guess), and request to last sample of a sentence."""
    samples: Samples = defaultdict(list)
    settings = Settings()
    async with EnginesProcess.directory() as directory, trio.open_nursery() as nursery:
        socket = await nursery.start(EnginesProcess(settings.engines, directory).run)
        async with open_stages(settings, engines_socket=socket) as stages:
            async with stages.stt.open(SPEAKER) as line:
                decoder = Decoder()
                for number in range(count):
                    for packet in opus_of(clips[number % len(clips)]):
                        line.feed(decoder.hear(packet))
                    began = trio.current_time()
                    await line.finish()
                    samples["embedded_stt_final_ms"].append((trio.current_time() - began) * 1000)
                    progress(f"embedded STT {number + 1} of {count}")
            for number in range(count):
                request = TtsRequest(SENTENCES[number % len(SENTENCES)], "bench", number)
                marks: dict[str, float] = {}
                await stages.tts.speak(request, SoundInto(lambda _pcm: None, marks.__setitem__))
                samples["embedded_tts_sentence_ms"].append((marks["tts_last_pcm"] - marks["tts_request"]) * 1000)
                progress(f"embedded TTS {number + 1} of {count}")
        nursery.cancel_scope.cancel()
    return samples
