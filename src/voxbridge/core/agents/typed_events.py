"""What the events of a stream say of themselves by their ``type``: OpenAI's Responses API and Vercel's AI SDK.

Beside the answer such streams carry what the model thinks, what it calls tools with, and each part of the answer a
second time when it is complete. (OpenAI API reference, "Streaming events" of Responses; AI SDK documentation, "Stream
protocols".)

    response.output_text.delta, text-delta        a piece of the answer
    response.output_text.done                     all of a part again: said if none of its pieces came
    response.completed                            all of the answer again: said if nothing was
    response.failed                               an error
    reasoning, tool, function ... in the name     never said
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from voxbridge.core.agents.reply import NoText, Reply, is_machine_talk, text_of
from voxbridge.core.agents.said import AnswerEvent, Ended, Said

_PIECES: Mapping[str, tuple[str, ...]] = {
    "response.output_text.delta": ("delta",),
    "response.refusal.delta": ("delta",),
    "response.output_audio_transcript.delta": ("delta",),
    "response.audio_transcript.delta": ("delta",),
    "text-delta": ("delta", "textDelta", "text"),
}
_WHOLE_PARTS: Mapping[str, str] = {
    "response.output_text.done": "text",
    "response.refusal.done": "refusal",
    "response.output_audio_transcript.done": "transcript",
    "response.audio_transcript.done": "transcript",
}
_WHOLE_ANSWERS = frozenset({"response.completed", "response.incomplete", "response.done"})
_TOKEN = "token"  # noqa: S105 - Flowise's name for a piece of the answer
_FLOWISE = frozenset({"start", "end", "metadata", "sourceDocuments", "usedTools", "agentReasoning", "nextAgent"})
_SILENT = re.compile(
    r"response\.|thread\.(?!message\.(?:delta|completed))"
    r"|(?:start|finish|abort|text-start|text-end|source|file|data|message-metadata)(?:-|\Z)"
)


class TypedEvents:
    """Takes the events that name their type, and leaves the others to the general rule."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self._has_pieces = False  # of the part that is being said

    def take(self, value: object, name: str = "") -> Iterable[AnswerEvent] | None:
        """Return what an event says, or None if its type is not known here. ``name``: the name it came under."""
        if not isinstance(value, dict):
            return None
        if "type" not in value and "data" in value and isinstance(event := value.get("event"), str):
            if event == _TOKEN:
                return self._piece(value, ("data",))
            if event in _FLOWISE:
                return []
        kind = value.get("type", name)
        if not isinstance(kind, str):
            return None
        if keys := _PIECES.get(kind):
            return self._piece(value, keys)
        if key := _WHOLE_PARTS.get(kind):
            return self._whole_part(value.get(key))
        if kind == "thread.message.completed":  # OpenAI's Assistants
            return self._whole_answer(value)
        if kind in _WHOLE_ANSWERS:
            return self._whole_answer(value.get("response"))
        if kind == "response.failed":
            found = text_of(value.get("response"))
            return [Ended("agent_error", found.why if isinstance(found, NoText) else "the response failed")]
        return [] if is_machine_talk(kind) or _SILENT.match(kind) else None

    def _piece(self, value: Mapping[str, object], keys: tuple[str, ...]) -> list[AnswerEvent]:
        text = next((found for key in keys if isinstance(found := value.get(key), str)), "")
        self._has_pieces = self._has_pieces or bool(text)
        return self._said.say(text) if text else []

    def _whole_part(self, text: object) -> list[AnswerEvent]:
        had_pieces, self._has_pieces = self._has_pieces, False
        if had_pieces:
            return self._said.flush()
        return self._said.say(text) if isinstance(text, str) and text else []

    def _whole_answer(self, response: object) -> list[AnswerEvent]:
        found = text_of(response)
        if self._said.has_said or not isinstance(found, Reply):
            return []
        return self._said.say(found.text)
