"""What is wrong with a scene that was played, each in one sentence that says what came, when, and how late it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.rehearse import REPLY_ERRORS_MAX, WORD_ERRORS_MAX, holds
from voxbridge.rehearsal.scenes.expect import ExpectedTurn
from voxbridge.rehearsal.scenes.played import Deed, Played, Turn
from voxbridge.rehearsal.scenes.scene import Scene
from voxbridge.rehearsal.words import word_error_rate

# What had left when the answer was cut, on its way; and what a busy machine is late by in saying so.
_STALE_AFTER_S = 0.2
_STALE_FRAMES_MAX = 2

Transcribe = Callable[[Pcm], str]


def judge_scene(scene: Scene, played: Played, ears: Transcribe | None) -> list[str]:
    """Return what is not as the scene wants it; nothing if all of it is."""
    return list(_problems(scene, played, ears))


def _problems(scene: Scene, played: Played, ears: Transcribe | None) -> Iterator[str]:
    if played.broke:
        yield played.broke
    wanted = len(scene.turn) if scene.turn else scene.expect.turns
    if wanted is not None and wanted != len(played.turns):
        yield f"{_turns(len(played.turns))} came, and not {wanted}"
    for number, expected in enumerate(scene.turn, 1):
        if number > len(played.turns):
            yield f"turn {number} never came{_wanted_of(expected)}"
            continue
        turn = played.turns[number - 1]
        for problem in _of_turn(expected, turn, played, ears):
            yield f"turn {number} ({turn.by}, who spoke from {_clock(turn.at('speech_start'))}): {problem}"
    for turn in played.turns[len(scene.turn) :] if scene.turn else ():
        yield f'a turn that was not expected: {turn.by} at {_clock(turn.zero_s)}, {turn.outcome}, heard "{turn.heard}"'
    yield from _of_whole(scene, played)


def _turns(count: int) -> str:
    return "no turn" if count == 0 else "one turn" if count == 1 else f"{count} turns"


def _wanted_of(expected: ExpectedTurn) -> str:
    return f" (wanted: {expected.by or 'somebody'}, {expected.outcome or 'any outcome'})"


def _clock(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:.2f} s"


# One turn.


def _of_turn(expected: ExpectedTurn, turn: Turn, played: Played, ears: Transcribe | None) -> Iterator[str]:
    error = turn.report["error"]
    if expected.by and expected.by != turn.by:
        yield f"it is {turn.by}'s, and not {expected.by}'s"
    if expected.outcome and expected.outcome != turn.outcome:
        yield f"it ended as {turn.outcome} at {_clock(turn.at('ended'))}, and not as {expected.outcome}" + (
            f": {error}" if error else ""
        )
    if expected.heard and word_error_rate(expected.heard, turn.heard) > WORD_ERRORS_MAX:
        yield f'heard "{turn.heard}" where "{expected.heard}" was said'
    if expected.error_has and expected.error_has.lower() not in str(error or "").lower():
        yield f'its error is "{error or "none"}", which does not say "{expected.error_has}"'
    yield from _of_answer(expected, turn, ears)
    yield from _in_time(expected, turn)
    yield from _of_overlap(expected, turn, played)


def _of_answer(expected: ExpectedTurn, turn: Turn, ears: Transcribe | None) -> Iterator[str]:
    spoken = str(turn.report["spoken"])
    for words in expected.answer_has:
        if not holds(turn.answer, words):
            yield f'the answer "{turn.answer}" does not hold "{words}"'
    for words in expected.answer_lacks:
        if holds(turn.answer, words):
            yield f'the answer "{turn.answer}" holds "{words}"'
    for words in expected.spoken_has:
        if not holds(spoken, words):
            yield f'what was spoken of the answer, "{spoken}", does not hold "{words}"'
    if expected.clear and turn.reply is None:
        yield "nothing was heard of the answer"
    elif expected.clear and turn.reply is not None and ears is not None:
        heard = ears(turn.reply)
        if word_error_rate(spoken, heard) > REPLY_ERRORS_MAX:
            yield f'the answer sounds like "{heard}", not like "{spoken}"'


def _in_time(expected: ExpectedTurn, turn: Turn) -> Iterator[str]:
    parts = ", ".join(f"{part['name']} {part['ms']:.0f}" for part in turn.report["parts"])
    limits = (
        ("first audio", "the decision that the turn had ended", turn.first_audio_ms, expected.first_audio_ms),
        ("the answer", "the last of the speech", turn.reply_ms, expected.reply_ms),
    )
    for what, since, ms, limit_ms in limits:
        if limit_ms is None:
            continue
        if ms is None:
            yield f"{what}: nothing was heard, where {limit_ms:.0f} ms were allowed"
        elif ms > limit_ms:
            at = _clock(turn.at("first_audio"))
            yield (
                f"{what} came {ms:.0f} ms after {since}, at {at}: {ms - limit_ms:.0f} ms later than the "
                f"{limit_ms:.0f} ms allowed (ms: {parts})"
            )


def _of_overlap(expected: ExpectedTurn, turn: Turn, played: Played) -> Iterator[str]:
    begin_s, cut_s = turn.at("first_audio"), turn.at("cut")
    if expected.silent_ms is not None:
        if cut_s is None or begin_s is None:
            yield f"it was not cut, where it had to be within {expected.silent_ms:.0f} ms"
        else:
            over = _speech_over(played, begin_s, cut_s)
            since_s = over.began_s if over is not None else cut_s
            ms = (_last_voice_s(turn, played, cut_s) - since_s) * 1000
            if ms > expected.silent_ms:
                who = over.by if over is not None else "the command"
                late = ms - expected.silent_ms
                yield (
                    f"it was heard for {ms:.0f} ms after {who} began at {_clock(since_s)}: {late:.0f} ms longer than "
                    f"the {expected.silent_ms:.0f} ms allowed"
                )
    if expected.resumed is None:
        return
    end_s = turn.at("ended")
    over = _speech_over(played, begin_s, end_s) if begin_s is not None and end_s is not None else None
    is_resumed = over is not None and turn.outcome == "answered"
    if expected.resumed and not is_resumed:
        why = "nobody spoke while it sounded" if over is None else f"it ended as {turn.outcome}"
        yield f'it did not go on: {why}; spoken: "{turn.report["spoken"]}"'
    elif is_resumed and not expected.resumed:
        yield f'it went on: spoken: "{turn.report["spoken"]}"'


def _speech_over(played: Played, begin_s: float, end_s: float) -> Deed | None:
    """Return what was said last while a turn sounded."""
    over = [deed for deed in played.deeds if deed.is_speech and begin_s <= deed.began_s <= end_s]
    return over[-1] if over else None


def _last_voice_s(turn: Turn, played: Played, cut_s: float) -> float:
    """Return when the last of a cut turn was heard: before the next answer begins, whatever its sentence's pause."""
    following = [at for other in played.turns if (at := other.at("first_audio")) is not None and at > cut_s]
    begin_s = turn.at("first_audio") or 0.0
    voice = played.voice_between(begin_s, min([*following, played.ended_s]))
    return voice[-1].at_s if voice else begin_s


# The whole.


def _of_whole(scene: Scene, played: Played) -> Iterator[str]:
    if scene.expect.silent and played.voice:
        first = played.stretches[0]
        yield f"the bot was heard from {_clock(first[0])} to {_clock(first[1])}, and had to be silent"
    written = " / ".join(text for _, text in played.written)
    for words in scene.expect.written:
        if words.lower() not in written.lower():
            yield f'the chat holds "{written or "nothing"}", and not "{words}"'
    plain = [one for one in played.voice if not one.is_encrypted]
    if plain and played.is_call_encrypted:
        yield f"{len(plain)} packets of the voice were not end-to-end encrypted, the first at {_clock(plain[0].at_s)}"
    yield from _stale(played)


def _stale(played: Played) -> Iterator[str]:
    for number, turn in enumerate(played.turns, 1):
        cut_s = turn.at("cut")
        if cut_s is None or turn.at("first_audio") is None:
            continue
        begins = (other.at("first_audio") for other in played.turns if other is not turn)
        following = [at for at in begins if at is not None and at > cut_s]
        stale = played.voice_between(cut_s + _STALE_AFTER_S, min([*following, played.ended_s]) - _STALE_AFTER_S / 10)
        if len(stale) > _STALE_FRAMES_MAX:
            yield (
                f"turn {number} was cut at {_clock(cut_s)}, and {len(stale) * 20} ms of voice came after that, "
                f"from {_clock(stale[0].at_s)} on"
            )
