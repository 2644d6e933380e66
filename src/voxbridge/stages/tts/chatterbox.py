"""Speech from a Chatterbox server, sentence by sentence, while it is being made.

    slot -> POST form -> 200 | WAV header | PCM ... PCM | end
                          first byte        first PCM     last PCM

The server (travisvn/chatterbox-tts-api, default port 4123; the embedded engines speak the same) sends the WAV header
before any synthesis, so the first byte proves nothing and the first sample is what counts. Whatever fails after the
header is a cut body, never a status. It has no lock round its one model, hence the limiter here.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs

from voxbridge.audio.speech_reader import DecoderMissingError, SpeechReader
from voxbridge.config.kinds import Kind
from voxbridge.config.rules import LIMIT, clamped_between, option, own_kind
from voxbridge.config.stages import TtsSettings, proxy, server_url, spoken_numbers, voice
from voxbridge.core.agents.tts_options import CHUNK_CHARS, RANGES, TtsOptions
from voxbridge.core.wire.quote import Hidden
from voxbridge.core.wire.sound_kind import NotSoundError
from voxbridge.errors import StageProtocolError
from voxbridge.stages.contracts import SoundSink, TtsRequest
from voxbridge.stages.http import open_client, open_response, raise_for_status
from voxbridge.stages.tts.body import finish_sound, not_sound, receive_sound
from voxbridge.stages.tts.chatterbox_probe import probe
from voxbridge.stages.tts.http_speech import HttpSpeech
from voxbridge.stages.tts.probing import VoiceJudge
from voxbridge.stages.tts.sentence import Sentence

SPEECH_PATH = "/audio/speech/stream/upload"
TEXT_CHARS_MAX = 3000  # the server's own limit; beyond it the whole text comes back in a 422


@attrs.frozen(kw_only=True)
class ChatterboxSettings(TtsSettings):
    """The settings of this kind. Out of the ranges in ``core.agents.tts_options`` the server answers 422: clamped."""

    kind: str = own_kind("chatterbox")
    url: str = server_url("The server, with or without /v1.", "http", "https", example="http://localhost:4123")
    proxy: str = proxy()
    voice: str = voice()
    numbers: str = spoken_numbers("words")  # its model was taught letters; digits it guesses
    exaggeration: float | None = option(
        None,
        "How lively the voice is; the server's own when not set.",
        clamped_between(*RANGES["exaggeration"]),
        example=0.5,
    )
    cfg_weight: float | None = option(
        None,
        "How closely the pace follows the voice's; the server's own when not set.",
        clamped_between(*RANGES["cfg_weight"]),
        example=0.5,
    )
    temperature: float | None = option(
        None,
        "How varied the voice is; the server's own when not set.",
        clamped_between(*RANGES["temperature"]),
        example=0.8,
    )
    # Of this kind only: it answers with a head before it has made any sound. Others send nothing before that.
    first_byte_limit_ms: int = option(
        3000, "Limit for the time from the request to the first byte. After that the request has failed.", LIMIT
    )
    streaming_chunk_size: int = option(120, "Characters that it speaks at a time.", clamped_between(*CHUNK_CHARS))


class ChatterboxStage(HttpSpeech):
    """A TtsStage on a Chatterbox server at ``settings.url``, or on the embedded engines' unix socket ``uds``.

    The URL may end in ``/v1``, in a slash or in the speech route itself. ``rng`` gives the jitter of retries.

    Raises: ConfigError for a URL that is none. (The numbers were checked against the server's ranges when the
    configuration was read.)
    """

    def __init__(
        self, settings: ChatterboxSettings, *, uds: str = "", rng: Callable[[], float] = random.random
    ) -> None:
        self.name = "embedded" if uds else "chatterbox"
        client = open_client("tts", base_url(settings.url), uds=uds, proxy=settings.proxy)
        first_byte_s = settings.first_byte_limit_ms / 1000
        super().__init__(settings, client, chars_max=TEXT_CHARS_MAX, first_byte_s=first_byte_s, rng=rng)
        self._settings = settings
        self._is_ours = bool(uds)
        self._judge = VoiceJudge(settings.voice, otherwise="uses its default one")

    @property
    def voices(self) -> tuple[str, ...]:
        """Return which voices the server has listed."""
        return self._judge.voices

    async def probe(self) -> str:
        """Ask for health, the speech route and the voices; return a line for the operator. Raises: StageError."""
        return await probe(self._client, self._settings.voice, self._judge, backend=self.name, speech_path=SPEECH_PATH)

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        """Speak one sentence; see ``TtsStage``.

        May be called for the next sentence before this one is over: the limiter sends it as soon as the model is
        free, which may be long before the end of this answer.

        Tried again only while there was no sound: a server that cannot be reached or cannot serve (twice), an
        answer that broke off or is no sound (once). After a cancel the connection is closed and the slot free.

        Raises: StageRefused, StageUnavailable, StageProtocolError, StageTimeout. Those raised after sound was passed
        on have ``retryable`` False.
        """
        # A text shorter than a chunk is one call of the model, over before its first sample is sent. Ours streams
        # within a call.
        is_one_call = not self._is_ours and len(request.text.strip()) < self._settings.streaming_chunk_size
        await self._speaker.speak(request, out, self._attempt, frees_slot_at_first_sound=is_one_call)

    def _form(self, text: str, request: TtsRequest) -> dict[str, str]:
        settings, wishes = self._settings, request.options or TtsOptions()
        fields: dict[str, object] = {
            "input": text,
            # without one the server takes its default
            "voice": request.voice or wishes.voice or settings.voice or None,
            "exaggeration": _either(wishes.exaggeration, settings.exaggeration),
            "cfg_weight": _either(wishes.cfg_weight, settings.cfg_weight),
            "temperature": _either(wishes.temperature, settings.temperature),
            "streaming_chunk_size": settings.streaming_chunk_size,
            "streaming_strategy": "sentence",
        }
        return {name: str(value) for name, value in fields.items() if value is not None}

    async def _attempt(self, sentence: Sentence) -> None:
        reader: SpeechReader | None = None
        form = self._form(sentence.text, sentence.request)
        try:
            async with open_response(
                self._client, "tts", "POST", SPEECH_PATH, backend=self.name, data=form
            ) as response:
                await raise_for_status(response, "tts", backend=self.name, hidden=Hidden(speech=sentence.text))
                reader = SpeechReader(content_type=response.headers.get("content-type", ""))
                await receive_sound(response, reader, sentence)
            await finish_sound(reader, sentence)
        except (NotSoundError, DecoderMissingError) as error:
            raise not_sound(error, self.name) from error
        except StageProtocolError:
            if reader is None or not reader.is_over:
                raise
            # Cut, but behind the last sample that the header announced: nothing is missing.


def _either(wish: float | None, configured: float | None) -> float | None:
    return configured if wish is None else wish


def base_url(url: str) -> str:
    """Return the URL to which routes are added, from whatever a user may have copied into the configuration."""
    return url.strip().rstrip("/").removesuffix(SPEECH_PATH).rstrip("/")


KIND = Kind(ChatterboxSettings, ChatterboxStage)
