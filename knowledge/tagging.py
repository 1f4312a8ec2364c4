"""Which domains a passage belongs to: pure, from its vector and those of the domains."""

from collections.abc import Sequence

import numpy as np

from knowledge.domains import DomainVectors, Vectors

FLOOR = 0.2
"""Below this cosine to a domain's mean a passage belongs to no domain."""
MARGIN = 0.06
"""A domain this near to the best one is a tag too."""
MOST = 2


def tags(vectors: Vectors, domains: DomainVectors) -> list[list[str]]:
    """Return for each vector the domains it belongs to, the nearest first; none may be near enough."""
    scores = vectors @ domains.centroids().T
    return [_tags_of(row, domains.slugs) for row in scores]


def _tags_of(scores: Vectors, slugs: Sequence[str]) -> list[str]:
    order = np.argsort(-scores, kind="stable")[:MOST]
    best = float(scores[order[0]])
    return [slugs[index] for index in order if scores[index] >= FLOOR and scores[index] >= best - MARGIN]
