"""How long a silence ends the turn, by all that is known of it: how it sounded, what the words were, how they pause.

    last voiced  guess                 verdicts come               the turn ends at the silence that they call for
        |----------|------------------------|--------...--------------|
                 200 ms     sound 100, words 170 to 400 ms later

Two judges look at each pause. The turn model hears the melody, the words say whether a phrase can end there. Each is
wrong often enough that neither decides alone, and their errors are of different kinds. So what they say is added as
evidence (logits), with weights found on labelled pauses (`nox -s bench -- --only pauses`), and the sum picks one of
four silences. A verdict that is on its way is waited for, within bounds: it must not count as "finished" because it is
late. Waiting for words costs nothing, since no agent can be asked before they are there. What cannot change the result
any more is not waited for: whatever a late turn model on a busy machine says of a question that is complete by its
words, the usual silence ends the turn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs

from voxbridge.core.turns.completeness import Completeness

_COMPLETION_LIMIT = 0.01
"""The turn model's score is coarse: 0.999 is no surer than 0.99."""


@attrs.frozen
class CommitRules:
    """The silences in seconds, and how long beyond ``usual_s`` a verdict is waited for."""

    sure_s: float = 0.4
    usual_s: float = 0.5
    hesitant_s: float = 1.6
    unfinished_s: float = 2.0
    verdict_wait_s: float = 0.7


@attrs.frozen
class Weights:
    """Evidence in logits: above 0 that the speaker has finished, below that more is coming."""

    sound: float = 0.35
    """Of the turn model's own logit."""
    words: Mapping[Completeness, float] = attrs.field(
        factory=lambda: {"unfinished": -5.0, "doubtful": -2.0, "unknown": 0.0, "likely": 1.0, "complete": 2.0}
    )
    sure: float = 1.0
    hesitant: float = -0.3
    unfinished: float = -3.0


WEIGHTS = Weights()


@attrs.frozen
class Evidence:
    """What is known of one pause. ``awaits_...``: that verdict is on its way."""

    completion: float | None = None
    """The turn model's probability that the speaker has finished."""
    words: Completeness | None = None
    awaits_completion: bool = False
    awaits_words: bool = False

    def finished(self, weights: Weights = WEIGHTS) -> float:
        """Return the sum of the evidence, in logits."""
        total = 0.0
        if self.completion is not None:
            p = min(1 - _COMPLETION_LIMIT, max(_COMPLETION_LIMIT, self.completion))
            total += weights.sound * math.log(p / (1 - p))
        if self.words is not None:
            total += weights.words[self.words]
        return total


def silence_s(evidence: Evidence, rules: CommitRules, weights: Weights = WEIGHTS) -> float:
    """Return the silence that ends the turn, as far as is known now; more evidence may change it."""
    decided_s = _decided_s(evidence, rules, weights)
    worst = evidence
    if evidence.awaits_completion:
        worst = attrs.evolve(worst, completion=0.0)
    if evidence.awaits_words:
        worst = attrs.evolve(worst, words="unfinished")
    return max(decided_s, min(_decided_s(worst, rules, weights), rules.usual_s + rules.verdict_wait_s))


def _decided_s(evidence: Evidence, rules: CommitRules, weights: Weights) -> float:
    """Return the silence that what is known calls for, whatever else is on its way."""
    finished = evidence.finished(weights)
    if finished < weights.unfinished:
        return rules.unfinished_s
    if finished < weights.hesitant:
        return rules.hesitant_s
    if finished >= weights.sure and evidence.words is not None and evidence.completion is not None:
        return rules.sure_s
    return rules.usual_s
