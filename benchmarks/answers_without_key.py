"""How well the extractive adapter answers, and how honestly it says that it cannot.

    python -m benchmarks.answers_without_key ../shared/data/retrieval-squad [--fit]

Half of the articles (every second title) serve to fit the weights of `coaching.providers.support_weights`;
the table reports both halves, and the other half is the one that counts. `--fit` prints new weights.

`hit`: a quoted sentence contains a gold answer, over all answerable questions, those not answered included.
`silent, adversarial`: SQuAD 2.0 questions that their paragraph does not answer, answered with "not found".
`silent, foreign`: answerable questions asked of a library without their article.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.logistic import fit_logistic
from benchmarks.squad import SHOWN, Asked, Library, Search, recall
from coaching.providers import support, support_weights
from coaching.providers.evidence import FEATURES, Candidate, Question, gather
from coaching.providers.extractive import ANSWERS_FROM, Extractive
from coaching.providers.minilm import MiniLM
from coaching.providers.ports import Embedded, EmbeddingModel, Usage
from coaching.providers.words import Rarity

RARITY = Rarity()
FOREIGN_EVERY = 4


class Remembering:
    """An embedding model that embeds each text once."""

    provider, model, dimensions = MiniLM.provider, MiniLM.model, MiniLM.dimensions

    def __init__(self, inner: EmbeddingModel) -> None:
        self.inner = inner
        self.known: dict[str, NDArray[np.float32]] = {}

    async def embed(self, texts: Sequence[str], *, deadline_s: float) -> Embedded:
        """Embed what is new, remember the rest."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        vectors = (await self.inner.embed(new, deadline_s=deadline_s)).vectors
        self.known.update(zip(new, vectors, strict=True))
        return Embedded(np.array([self.known[text] for text in texts]), Usage())


@dataclass(frozen=True, slots=True)
class Case:
    """A question and the paragraphs that the search found for it."""

    asked: Asked
    order: tuple[int, ...]
    foreign: bool

    @property
    def answerable(self) -> bool:
        """Whether the library holds an answer."""
        return bool(self.asked.answers) and not self.foreign

    def holds(self, candidate: Candidate) -> bool:
        """Whether the sentence contains one of the gold answers."""
        return any(answer.lower() in candidate.sentence.text.lower() for answer in self.asked.answers)


def cases(search: Search) -> list[Case]:
    """Return every question with its passages, and each fourth once more without its own article."""
    made: list[Case] = []
    titles = np.array(search.library.titles)
    for number, asked in enumerate(search.library.asked):
        scores = search.fused[number]
        made.append(Case(asked, _best(scores), foreign=False))
        if number % FOREIGN_EVERY == 0:
            others = np.where(titles == titles[asked.paragraph], -1, scores)
            made.append(Case(asked, _best(others), foreign=True))
    return made


def _best(scores: NDArray[np.floating]) -> tuple[int, ...]:
    return tuple(int(each) for each in np.argsort(-scores, kind="stable")[:SHOWN])


def report_retrieval(search: Search) -> None:
    """Print recall and MRR of each way to search, over the answerable questions."""
    gold = np.array([asked.paragraph for asked in search.library.asked if asked.answers])
    ways = {"vector": search.by_vector, "text": search.by_text, "both": search.fused}
    for way, scores in ways.items():
        found = recall(scores[: len(gold)], gold)
        print(f"{way:8}", "  ".join(f"{name} {value:.4f}" for name, value in found.items()))


def report_answers(library: Library, made: Sequence[Case], model: Extractive) -> None:
    """Answer everything and print the table, for both halves of the articles."""

    async def answer_all() -> list[support.Support]:
        return [
            await model.support(case.asked.question, library.sources(case.order), deadline_s=60)
            for case in made
        ]

    began = time.process_time()
    answers = asyncio.run(answer_all())
    print(f"CPU without embedding: {1000 * (time.process_time() - began) / len(made):.1f} ms an answer")
    for half, fitted in (("fitted half", True), ("other half", False)):
        rows = [(c, a) for c, a in zip(made, answers, strict=True) if library.trains(c.asked) is fitted]
        print(half, "  ".join(f"{name} {value:.3f}" for name, value in _figures(rows).items()))


def _figures(rows: Sequence[tuple[Case, support.Support]]) -> dict[str, float]:
    good = [(case, answer) for case, answer in rows if case.answerable]
    shown = [(case, answer) for case, answer in good if answer.confidence >= ANSWERS_FROM]
    found = [case for case, answer in good if any(case.holds(each) for each in answer.sentences)]
    hits = [case for case, answer in shown if any(case.holds(each) for each in answer.sentences)]
    adversarial = [
        answer.confidence < ANSWERS_FROM
        for case, answer in rows
        if not case.asked.answers and not case.foreign
    ]
    foreign = [answer.confidence < ANSWERS_FROM for case, answer in rows if case.foreign]
    return {
        "questions": len(good), "hit": len(hits) / len(good), "hit if never silent": len(found) / len(good),
        "answered": len(shown) / len(good), "right when answered": len(hits) / len(shown),
        "sentences": float(np.mean([len(answer.sentences) for _, answer in shown])),
        "unanswerable": len(adversarial), "silent, adversarial": float(np.mean(adversarial)),
        "silent, foreign": float(np.mean(foreign)),
        "ranking (AUC)": _auc([a.confidence for _, a in good], [
            a.confidence for c, a in rows if not c.asked.answers and not c.foreign]),
    }  # fmt: skip


def _auc(high: Sequence[float], low: Sequence[float]) -> float:
    below = np.searchsorted(np.sort(low), high, side="left")
    return float(below.mean() / len(low))


def fit(library: Library, made: Sequence[Case], model: EmbeddingModel) -> None:
    """Fit the three tables of weights on the first half of the articles and print them."""
    read = [_read(library, case, model) for case in made if library.trains(case.asked)]
    training = [case for case in made if library.trains(case.asked)]
    answerable = [pair for pair, case in zip(read, training, strict=True) if case.answerable]
    golden = [case for case in training if case.answerable]
    labels = [
        case.holds(each) and case.order[each.source] == case.asked.paragraph
        for (_, candidates), case in zip(answerable, golden, strict=True)
        for each in candidates
    ]
    rows = [asdict(each.features) for _, candidates in answerable for each in candidates]
    words = [name for name in FEATURES if name != "similarity"]
    support_weights.FIRST_LOOK = fit_logistic(rows, labels, words)
    support_weights.RANKING = fit_logistic(rows, labels, list(FEATURES))
    print(f"FIRST_LOOK = {support_weights.FIRST_LOOK}\nRANKING = {support_weights.RANKING}")
    support_weights.CONFIDENCE = fit_logistic(*_confidence_rows(read, training))
    print(f"CONFIDENCE = {support_weights.CONFIDENCE}")


def _read(library: Library, case: Case, model: EmbeddingModel) -> tuple[Question, list[Candidate]]:
    read, candidates = gather(case.asked.question, library.sources(case.order), RARITY)
    texts = [case.asked.question, *(each.sentence.text for each in candidates)]
    vectors = asyncio.run(model.embed(texts, deadline_s=60)).vectors
    for each, similarity in zip(candidates, vectors[1:] @ vectors[0], strict=True):
        each.features.similarity = float(similarity)
    return read, candidates


def _confidence_rows(
    read: Sequence[tuple[Question, list[Candidate]]], training: Sequence[Case]
) -> tuple[list[dict[str, float]], list[bool], list[str]]:
    rows, labels = [], []
    for (question, candidates), case in zip(read, training, strict=True):
        scored = sorted(
            (
                (support.log_odds(asdict(each.features), support_weights.RANKING), each)
                for each in support.shortlist(candidates)
            ),
            key=lambda pair: -pair[0],
        )
        if scored and question.terms:
            features = [each.features for _, each in scored]
            rows.append(support.evidence_of_answer(question, scored[0][0], features))
            labels.append(case.answerable)
    return rows, labels, [name for name in rows[0] if name != "rank"]


def report_cost(library: Library, made: Sequence[Case]) -> None:
    """Print what an answer costs with nothing remembered, embedding included."""
    model = Extractive(MiniLM(threads=1))
    sample = made[:: max(1, len(made) // 200)]
    asyncio.run(model.support("Warm?", library.sources(sample[0].order), deadline_s=60))
    began, cpu = time.perf_counter(), time.process_time()
    for case in sample:
        asyncio.run(model.support(case.asked.question, library.sources(case.order), deadline_s=60))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(f"one answer: {1000 * wall / len(sample):.1f} ms, CPU {1000 * cpu / len(sample):.1f} ms")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    library = Library.load(options.folder)
    embeddings = Remembering(MiniLM())
    search = Search(library, embeddings)
    report_retrieval(search)
    made = cases(search)
    if options.fit:
        fit(library, made, embeddings)
    report_answers(library, made, Extractive(embeddings, rarity=RARITY))
    report_cost(library, made)


if __name__ == "__main__":
    main()
