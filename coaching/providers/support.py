"""Chooses the sentences to quote and says how sure it is that they answer the question.

Two logistic models over the features of `evidence`: one ranks sentences, one judges the best of them. Their weights are
in `support_weights`, fitted by `benchmarks/answers_without_key.py`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest

from coaching.providers import support_weights
from coaching.providers.evidence import Candidate, Features, Question

SHORTLIST = 8
"""Sentences that are embedded; the words decide which."""
SHORTLIST_OF_A_PART = 5
"""So many for each part of a double question; most of them are those of the whole."""
A_PART_FROM = 0.25
"""The confidence from which a part of a question that is answered as a whole has a sentence of its own."""
MOST_QUOTED = 3
NOT_FAR_BELOW = 2.5
"""A further sentence is quoted only when its log-odds are at most so far below those of the best."""


@dataclass(frozen=True, slots=True)
class Support:
    """What the sources say to a question: the best sentences in their order of merit, and the chance that they answer it."""

    sentences: tuple[Candidate, ...] = ()
    confidence: float = 0.0


def shortlist(candidates: Sequence[Candidate], *, most: int = SHORTLIST) -> list[Candidate]:
    """Return the most promising candidates by their words alone; of equal sentences only the best placed."""
    ranked = sorted(candidates, key=lambda each: -log_odds(asdict(each.features), support_weights.FIRST_LOOK))
    different = {each.sentence.text.casefold(): each for each in reversed(ranked)}
    return [each for each in ranked if different[each.sentence.text.casefold()] is each][:most]


def judge(question: Question, shortlisted: Sequence[Candidate]) -> Support:
    """Rank candidates whose similarity is known, and judge whether they answer `question`."""
    if not shortlisted or not question.terms:
        return Support()
    scored = [(log_odds(asdict(each.features), support_weights.RANKING), each) for each in shortlisted]
    scored.sort(key=lambda pair: -pair[0])
    best = scored[0][0]
    chosen = tuple(each for score, each in scored[:MOST_QUOTED] if best - score <= NOT_FAR_BELOW)
    seen = evidence_of_answer(question, best, [each.features for _, each in scored])
    return Support(chosen, 1 / (1 + math.exp(-log_odds(seen, support_weights.CONFIDENCE))))


def together(whole: Support, parts: Sequence[Support], *, answers_from: float) -> Support:
    """Return what the sources say to a double question: sentences for each part that they answer.

    They answer something from the confidence `answers_from` on.
    Where they answer every part by itself, the best for each in turn, as sure as of the least sure. Else, if they answer
    the whole, its own, and the best for each part that they are likely to answer.
    """
    if parts and all(part.confidence >= answers_from for part in parts):
        ranks = zip_longest(*(part.sentences for part in parts))
        confidence = min(part.confidence for part in parts)
        return _quoting([each for rank in ranks for each in rank if each], confidence)
    if whole.confidence < answers_from:
        return whole
    best = [part.sentences[0] for part in parts if part.confidence >= A_PART_FROM]
    return _quoting([whole.sentences[0], *best, *whole.sentences[1:]], whole.confidence)


def _quoting(sentences: Sequence[Candidate], confidence: float) -> Support:
    """Quote the first of these sentences, each once."""
    different = {(each.source, each.position): each for each in sentences}
    return Support(tuple(different.values())[:MOST_QUOTED], confidence)


def evidence_of_answer(question: Question, score: float, ranked: Sequence[Features]) -> dict[str, float]:
    """Return what the confidence depends on: the best sentence, the best of all, and the question."""
    return {
        **asdict(ranked[0]),
        "score": score,
        "most_similar": max(each.similarity for each in ranked),
        "most_sentence": max(each.sentence for each in ranked),
        "most_nearby": max(each.nearby for each in ranked),
        "words": math.log1p(len(question.terms)),
        "negated": float(question.negated),
    }


def log_odds(values: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the weighted sum of `values` and the weight named "constant"."""
    return weights["constant"] + sum(
        weight * values[name] for name, weight in weights.items() if name != "constant"
    )
