"""Which of the seven domains a question belongs to: decided here, in a millisecond, without a model.

Three measures are added up: a linear classifier trained on the texts of the domains, the mean of the three
nearest of those texts, and the words that the question shares with them. `docs/retrieval.md` has the
figures. Where the decision is `unsure`, a caller may ask a model.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from coaching.providers.ports import EmbeddingModel
from knowledge.domains import DomainVectors, domain_texts, embed_domains
from knowledge.quotes import content_words

Vector = NDArray[np.float32]

STIFFNESS = 1.0
"""Of the classifier: chosen by leaving out one example at a time."""
NEAREST_WEIGHT = 2.0
WORDS_WEIGHT = 0.25
"""Both chosen on every second labelled question, measured on the others."""
SHARPNESS = 4.0
NEAREST = 3
SURE_FROM = 0.5
SECOND_FROM = 0.2
MOST_SECONDARY = 2
FAR_BELOW = 0.25
"""A question whose nearest text has a lower cosine is about none of the domains."""
VAGUE_WORDS = 1
"""A question of at most so many words that say something, and no sure domain, needs a question back."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Where a question belongs."""

    primary: str | None
    """The slug of a domain; None: the question is about none of them."""
    secondary: tuple[str, ...] = ()
    confidence: float = 0.0
    """The probability, 0 to 1, that `primary` is right."""
    needs_clarification: bool = False
    """Whether the question says too little to answer; the client may be asked one question back."""
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains to prefer in a search; none when the question is about none of them."""
        return () if self.primary is None else (self.primary, *self.secondary)

    @property
    def unsure(self) -> bool:
        """Whether a model should be asked, where there is one."""
        return self.primary is not None and self.confidence < SURE_FROM


class Router:
    """Compares questions with the texts of the domains; made once for each set of texts and model."""

    def __init__(self, *, texts: Mapping[str, Sequence[str]], vectors: DomainVectors) -> None:
        self._vectors = vectors
        self._words = [Counter(_words_of(texts.get(slug, ()))) for slug in vectors.slugs]

    def route(self, *, question: str, vector: Vector) -> Routing:
        """Return where the question belongs; `vector` is its unit vector by the model of the domains."""
        cosines = self._vectors.texts @ vector
        words = content_words(question)
        shared = self._shared_words(words)
        if float(cosines.max(initial=-1.0)) < FAR_BELOW:
            return Routing(primary=None, needs_clarification=_is_vague(words))
        weights, constant = self._classifier
        height = vector @ weights + constant + NEAREST_WEIGHT * self._nearest(cosines) + WORDS_WEIGHT * shared
        return self._decide(_softmax(SHARPNESS * height), words)

    def _decide(self, probabilities: Vector, words: frozenset[str]) -> Routing:
        slugs = self._vectors.slugs
        order = np.argsort(-probabilities, kind="stable")
        first = float(probabilities[order[0]])
        others = [index for index in order[1 : 1 + MOST_SECONDARY] if probabilities[index] >= SECOND_FROM]
        return Routing(
            primary=slugs[order[0]],
            secondary=tuple(slugs[index] for index in others),
            confidence=first,
            needs_clarification=first < SURE_FROM and _is_vague(words),
            scores={slug: round(float(probabilities[index]), 4) for index, slug in enumerate(slugs)},
        )

    def _nearest(self, cosines: Vector) -> Vector:
        """Return for each domain the mean cosine of its nearest texts."""
        places, taken = self._places
        nearest = np.sort(np.append(cosines, np.float32(-np.inf))[places], axis=1)[:, -NEAREST:]
        means: Vector = np.where(np.isfinite(nearest), nearest, np.float32(0)).sum(axis=1) / taken
        return means

    @cached_property
    def _places(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Where the texts of each domain are, filled up with the place behind the last one; and how many are nearest."""
        own = [np.flatnonzero(self._vectors.owners == domain) for domain in range(len(self._words))]
        places = np.full((len(own), max(NEAREST, *map(len, own))), len(self._vectors.owners), np.intp)
        for domain, texts in enumerate(own):
            places[domain, : len(texts)] = texts
        return places, np.array([min(len(texts), NEAREST) for texts in own], np.float32)

    def _shared_words(self, words: frozenset[str]) -> Vector:
        """Return for each domain how much the question's words speak for it."""
        points = np.zeros(len(self._words), np.float32)
        for word in words:
            if word in self._points:
                points += self._points[word]
        return points

    @cached_property
    def _points(self) -> dict[str, Vector]:
        """What each word says for each domain: much where few domains have it, and often."""
        count = len(self._words)
        points: dict[str, Vector] = {}
        for word in set().union(*self._words):
            having = sum(word in known for known in self._words)
            rarity = math.log(1 + (count - having + 0.5) / (having + 0.5))
            often = np.array([min(known[word], 3) for known in self._words], np.float32)
            points[word] = np.float32(rarity) * 2 * often / (often + 1)
        return points

    @cached_property
    def _classifier(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least squares with a penalty, one column a domain: weights (dimensions, domains) and constants."""
        texts = self._vectors.texts.astype(np.float64)
        target = np.full((len(texts), len(self._words)), -1.0)
        target[np.arange(len(texts)), self._vectors.owners] = 1.0
        middle, usual = texts.mean(axis=0), target.mean(axis=0)
        centred = texts - middle
        kernel = centred @ centred.T + STIFFNESS * np.eye(len(texts))
        weights = centred.T @ np.linalg.solve(kernel, target - usual)
        return weights, -middle @ weights


def route(*, question: str, vector: Vector, router: Router) -> Routing:
    """Return where the question belongs. Pure."""
    return router.route(question=question, vector=vector)


async def router_for(model: EmbeddingModel, texts: Mapping[str, tuple[str, ...]]) -> Router:
    """Return the router of what `knowledge.domains.domain_texts` returned, built once per process and text.

    Raises a ProviderError when the model does.
    """
    key = (model.provider, model.model, tuple(texts.items()))
    if key not in _routers:
        vectors = await embed_domains(model, dict(texts))
        _routers.clear()
        _routers[key] = Router(texts=texts, vectors=vectors)
    return _routers[key]


_Key = tuple[str, str, tuple[tuple[str, tuple[str, ...]], ...]]
_routers: dict[_Key, Router] = {}

__all__ = ["Router", "Routing", "domain_texts", "route", "router_for"]


def _words_of(texts: Sequence[str]) -> list[str]:
    return [word for text in texts for word in content_words(text)]


def _is_vague(words: frozenset[str]) -> bool:
    return len(words) <= VAGUE_WORDS


def _softmax(heights: NDArray[np.float64]) -> Vector:
    grown = np.exp(heights - heights.max())
    shares: Vector = (grown / grown.sum()).astype(np.float32)
    return shares
