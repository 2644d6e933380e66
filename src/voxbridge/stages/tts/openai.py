"""Speech from a server with OpenAI's ``/v1/audio/speech``, sentence by sentence.

    slot -> POST JSON -> 200 | sound of some kind ... | end

The same route on very different servers: devnen/Chatterbox-TTS-Server (whole files, no pcm, a voice is a file name),
travisvn/chatterbox-tts-api (a WAV of floats whatever was asked for), speaches, Kokoro-FastAPI, OpenAI. What comes is
told by its first bytes and its label. Most of them send nothing before the sentence is made.
"""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import random
from collections.abc import Callable
from urllib.parse import urlsplit

import attrs

from voxbridge.audio.speech_reader import DecoderMissingError, SpeechReader, require_decoder
from voxbridge.config.kinds import Kind
from voxbridge.config.rules import between, one_of, option, own_kind
from voxbridge.config.secrets import Secret
from voxbridge.config.stages import TtsSettings, api_key, proxy, server_url, voice
from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.wire.quote import Hidden
from voxbridge.core.wire.sound_kind import NotSoundError
from voxbridge.errors import ConfigError, StageError, StageProtocolError, StageRefused, StageTimeout, StageUnavailable
from voxbridge.stages.contracts import SoundSink, TtsRequest
from voxbridge.stages.deadline import StageDeadline
from voxbridge.stages.http import error_body, open_client, open_response, raise_for_status
from voxbridge.stages.http_status import status_error
from voxbridge.stages.sinks import SoundInto
from voxbridge.stages.tts.body import finish_sound, not_sound, receive_sound
from voxbridge.stages.tts.http_speech import HttpSpeech
from voxbridge.stages.tts.probing import PROBE_LIMIT_S, VoiceJudge, ask_json, voice_names
from voxbridge.stages.tts.sentence import Sentence

SPEECH_PATH = "/audio/speech"
TEXT_CHARS_MAX = 4096  # OpenAI's own limit, and nobody's is lower but travisvn's 3000
_TRIAL = "Yes."  # the least that every voice can say
DEFAULT_VOICE = "alloy"  # the field is required; OpenAI's first voice is known to nearly all


@attrs.frozen(kw_only=True)
class OpenAiTtsSettings(TtsSettings):
    """The settings of this kind."""

    kind: str = own_kind("openai")
    url: str = server_url("The server, with or without /v1.", "http", "https", example="https://api.openai.com/v1")
    api_key: Secret = api_key()
    proxy: str = proxy()
    voice: str = voice()
    model: str = option("tts-1", "The model's name.")
    response_format: str = option(
        "wav",
        "What to ask for; what comes is recognised. pcm, wav and opus are heard as they come, the others at the "
        "sentence's end; mp3 and flac need the extra voxbridge-discord[compressed].",
        one_of("wav", "pcm", "opus", "mp3", "flac"),
    )
    pcm_rate_hz: int = option(24_000, "Rate of pcm whose label does not say it.", between(4000, 192_000))
    speed: float | None = option(
        None, "How fast the voice speaks; the server's own when not set.", between(0.25, 4.0), example=1.1
    )


class OpenAiSpeechStage(HttpSpeech):
    """A TtsStage on an OpenAI-style server at ``settings.url``: its base, with or without ``/v1``, or the whole route.

    Raises: ConfigError for a URL that is none, or if the extra is missing that ``response_format`` needs.
    """

    name = "openai"

    def __init__(self, settings: OpenAiTtsSettings, *, rng: Callable[[], float] = random.random) -> None:
        if settings.response_format in ("mp3", "flac"):
            try:
                require_decoder(settings.response_format)
            except DecoderMissingError as error:
                raise ConfigError(str(error), key="tts.response_format", value=settings.response_format) from error
        key = settings.api_key.reveal()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        base = base_url(settings.url)
        client = open_client("tts", base, proxy=settings.proxy, headers=headers)
        self._settings = settings
        self._root = base.removesuffix("/v1")
        speed = settings.speed or 1.0
        super().__init__(settings, client, chars_max=TEXT_CHARS_MAX, speed=speed, rng=rng)
        self._hidden = Hidden(secrets=(key,))
        self._judge = VoiceJudge(settings.voice or DEFAULT_VOICE, otherwise="may refuse it")

    @property
    def voices(self) -> tuple[str, ...]:
        """Return which voices the server has listed."""
        return self._judge.voices

    async def probe(self) -> str:
        """Post an empty request, which the right route refuses at once, and look for the voice.

        A server that answers nothing while it speaks for us (Chatterbox-TTS-Server) is well, if it spoke before.

        Raises: StageError.
        """
        try:
            with StageDeadline("tts", first_s=PROBE_LIMIT_S, backend=self.name):
                await self._check_route()
                try:
                    library = await ask_json(self._client, "/audio/voices", self.name)
                except StageError:
                    library = None  # most servers have no such list, and each says so in its own way
                if isinstance(library, dict) and library.get("status") == "ok":
                    await self._check_model()
        except StageTimeout:
            if self._speaker.is_idle or self._speaker.is_failing:
                raise  # a server that hangs is asked by the next turn, and does not speak for all that
            return "busy: it is speaking, and answers nothing else meanwhile"
        return self._judge.line("ready", voice_names(library))

    async def try_out(self) -> str:
        """Have one word spoken: a format or a voice that the server does not have is refused only then."""
        settings, samples = self._settings, 0

        def count(pcm: Pcm) -> None:
            nonlocal samples
            samples += len(pcm.data) // 2

        try:
            await self.speak(TtsRequest(_TRIAL, "check", 0), SoundInto(count))
        except StageRefused as error:
            how = f"response_format = {settings.response_format!r} and voice {settings.voice or DEFAULT_VOICE!r}"
            raise StageRefused("tts", error.status, f"{error.detail} (asked with {how})", backend=self.name) from error
        if not samples:
            detail = f"the server spoke a word without a sound (response_format = {settings.response_format!r})"
            raise StageProtocolError("tts", detail, backend=self.name)
        return f"spoke a word as {settings.response_format}"

    async def _check_model(self) -> None:
        """Ask a Chatterbox-TTS-Server, whose list of voices is like no other's, for its model.

        It starts without one if that cannot be loaded, and all else looks well (68213e75, seen: 422 for the empty
        request, 503 for speech).
        """
        async with open_client("tts", self._root, proxy=self._settings.proxy) as client:
            try:
                info = await ask_json(client, "/api/model-info", self.name)
            except StageError:
                return
        if isinstance(info, dict) and info.get("loaded") is False:
            raise StageUnavailable("tts", "the server runs without its model: see its own log", backend=self.name)

    async def _check_route(self) -> None:
        async with open_response(self._client, "tts", "POST", SPEECH_PATH, backend=self.name, json={}) as response:
            body = await error_body(response)  # read, so that the connection is kept
            if response.status_code in (404, 405):
                detail = (
                    f"the server has no {SPEECH_PATH}: tts.url must be the base URL of an OpenAI-style speech server, "
                    "with or without /v1"
                )
                raise StageRefused("tts", response.status_code, detail, backend=self.name)
            if response.status_code not in (400, 422) and not response.is_success:
                raise status_error(
                    "tts", response.status_code, response.headers, body, backend=self.name, hidden=self._hidden
                )

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        """Speak one sentence; see ``TtsStage`` and ``SentenceSpeaker.speak``.

        Raises: StageRefused, StageUnavailable, StageProtocolError, StageTimeout. Those raised after sound was passed
        on have ``retryable`` False.
        """
        await self._speaker.speak(request, out, self._attempt)

    def _body(self, sentence: Sentence) -> dict[str, object]:
        settings, request = self._settings, sentence.request
        wished = None if request.options is None else request.options.voice
        body: dict[str, object] = {
            "model": settings.model,
            "input": sentence.text,
            "voice": request.voice or wished or settings.voice or DEFAULT_VOICE,
            "response_format": settings.response_format,
        }
        return body if settings.speed is None else {**body, "speed": settings.speed}

    async def _attempt(self, sentence: Sentence) -> None:
        reader: SpeechReader | None = None
        hidden = Hidden(secrets=self._hidden.secrets, speech=sentence.text)
        try:
            async with open_response(
                self._client, "tts", "POST", SPEECH_PATH, backend=self.name, json=self._body(sentence)
            ) as response:
                await raise_for_status(response, "tts", backend=self.name, hidden=hidden)
                reader = SpeechReader(
                    content_type=response.headers.get("content-type", ""),
                    asked=self._settings.response_format,
                    pcm_rate_hz=self._settings.pcm_rate_hz,
                )
                await receive_sound(response, reader, sentence)
            await finish_sound(reader, sentence)
        except (NotSoundError, DecoderMissingError) as error:
            raise not_sound(error, self.name) from error
        except StageProtocolError:
            if reader is None or not reader.is_over:
                raise
            # Cut, but behind the last sample that the header announced: nothing is missing.


def base_url(url: str) -> str:
    """Return the URL to which routes are added, from whatever a user may have copied into the configuration.

    A whole route is taken as it is, since some servers have it elsewhere; else ``/v1`` is added if it is not there.
    """
    plain = url.strip().rstrip("/")
    if plain.endswith(SPEECH_PATH):
        return plain.removesuffix(SPEECH_PATH)
    return plain if "v1" in urlsplit(plain).path.split("/") else f"{plain}/v1"


KIND = Kind(OpenAiTtsSettings, OpenAiSpeechStage)
