"""SQuAD as a library in memory: paragraphs, questions with and without an answer, and a search over them.

The search stands in for the database: BM25 over stems and the cosine of MiniLM, fused by reciprocal rank.
"""

import asyncio
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coaching.providers.ports import EmbeddingModel, SourceText
from coaching.providers.words import stems

SHOWN = 6
"""Passages that an answer is made from."""
FUSION, TEXT_WEIGHT = 10, 1.5

Matrix = NDArray[np.floating[Any]]
Ranks = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the index of the paragraph it was asked about, and its answers; none when it has none."""

    question: str
    paragraph: int
    answers: tuple[str, ...]


@dataclass(slots=True)
class Library:
    """The paragraphs of one half of the articles, and what is asked about them."""

    titles: list[str]
    texts: list[str]
    asked: list[Asked]
    index: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> "Library":
        """Read the three files of `retrieval-squad`; answerable questions come first."""
        paragraphs = _rows(folder / "paragraphs.jsonl")
        place = {row["pid"]: number for number, row in enumerate(paragraphs)}
        rows = [*_rows(folder / "questions.jsonl"), *_rows(folder / "unanswerable_v2.jsonl")]
        asked = [Asked(row["question"], place[row["pid"]], tuple(row["answers"])) for row in rows]
        return cls([row["title"] for row in paragraphs], [row["text"] for row in paragraphs], asked)

    def trains(self, asked: Asked) -> bool:
        """Whether the article of `asked` belongs to the half that weights are fitted on: every second title."""
        return self._place_of_title[self.titles[asked.paragraph]] % 2 == 0

    @property
    def _place_of_title(self) -> dict[str, int]:
        return {title: number for number, title in enumerate(sorted(set(self.titles)))}

    def sources(self, order: Sequence[int]) -> list[SourceText]:
        """Return the paragraphs at `order` as an adapter gets them."""
        return [
            SourceText(number + 1, self.titles[each], self.texts[each]) for number, each in enumerate(order)
        ]


class Search:
    """Scores of every paragraph for every question: rows are questions, columns paragraphs."""

    def __init__(self, library: Library, embeddings: EmbeddingModel) -> None:
        self.library = library
        self.embeddings = embeddings

    @cached_property
    def by_vector(self) -> Matrix:
        """The cosine of question and paragraph."""
        paragraphs = self._embed(self.library.texts)
        return self._embed([asked.question for asked in self.library.asked]) @ paragraphs.T

    @cached_property
    def by_text(self) -> Matrix:
        """BM25 over stems (k1 1.2, b 0.75)."""
        counts = [Counter(stems(text)) for text in self.library.texts]
        lengths = np.array([count.total() for count in counts])
        norm = 1.2 * (0.25 + 0.75 * lengths / lengths.mean())
        columns: dict[str, NDArray[np.float32]] = {}
        for word in {word for count in counts for word in count}:
            frequency = np.array([count[word] for count in counts])
            having = int((frequency > 0).sum())
            rarity = math.log(1 + (len(counts) - having + 0.5) / (having + 0.5))
            columns[word] = (rarity * frequency * 2.2 / (frequency + norm)).astype(np.float32)
        nothing = np.zeros(len(counts), np.float32)
        return np.array(
            [
                sum((columns.get(word, nothing) for word in set(stems(asked.question))), nothing)
                for asked in self.library.asked
            ]
        )

    @cached_property
    def fused(self) -> Matrix:
        """Reciprocal ranks of both, text weighing more."""
        return 1 / (FUSION + ranks(self.by_vector)) + TEXT_WEIGHT / (FUSION + ranks(self.by_text))

    def _embed(self, texts: Sequence[str]) -> Matrix:
        return asyncio.run(self.embeddings.embed(texts, deadline_s=900)).vectors


def ranks(scores: Matrix) -> Ranks:
    """Return the rank of each column in its row, the best 0."""
    order = np.argsort(-scores, axis=1, kind="stable")
    result: Ranks = np.empty_like(order)
    np.put_along_axis(result, order, np.arange(scores.shape[1])[None, :], axis=1)
    return result


def recall(scores: Matrix, gold: Ranks) -> dict[str, float]:
    """Return recall@1, @5, @10 and MRR@10 of the gold column of each row."""
    places = ranks(scores)[np.arange(len(gold)), gold]
    found = {f"recall@{k}": float((places < k).mean()) for k in (1, 5, 10)}
    return {**found, "MRR@10": float(np.where(places < 10, 1 / (places + 1), 0).mean())}


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
