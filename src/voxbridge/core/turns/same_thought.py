"""The same thought is one question: speech that goes on before the answer was heard belongs to the same turn.

    question ... pause ... |answer sounds|
                               ^ the speaker goes on: less than a second was heard, so the words are joined
                                             ^ a second later: it is a new question, and the answer was cut short

A pause in the middle of a sentence may end the turn early. That does no harm while it can be taken back: the answer is
cut, the words of both stretches get one answer, and the agent's memory holds one question.
"""

from __future__ import annotations

HARDLY_HEARD_S = 1.0
"""Less than this is two or three words: nobody can have replied to them."""


def is_same_thought(heard_s: float) -> bool:
    """Tell whether speech is the rest of the question, by how much of the answer had been heard when it began."""
    return heard_s < HARDLY_HEARD_S
