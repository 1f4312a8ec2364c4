"""Whether a new embedding space finds at least what the old one does.

The golden set is drawn from the library itself: a sentence from the middle of a passage has to bring that
passage back among the ten nearest of its own scope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import async_to_sync

from coaching.providers.ports import EmbeddingModel
from knowledge import vector_search
from knowledge.models import EmbeddingSpace, Passage
from knowledge.quotes import SENTENCE
from knowledge.scope import Scope

SAMPLE = 200
NEAREST = 10
TOLERATED = 0.005
"""A loss of recall this small is chance."""
LEAST = 0.8
"""Where the old model can no longer be asked, this recall is enough."""
SHORTEST_SENTENCE = 40
EMBED_DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True)
class Golden:
    """A question to which one passage is the right answer."""

    question: str
    passage_id: UUID
    scope: Scope


@dataclass(frozen=True, slots=True)
class Gate:
    """The recall of both spaces, 0 to 1, on the same questions; `old` is None where it could not be asked."""

    questions: int
    old: float | None
    new: float

    @property
    def holds(self) -> bool:
        """Whether the new space may be promoted."""
        return self.new >= (LEAST if self.old is None else self.old - TOLERATED)


def golden_set(*, most: int = SAMPLE) -> list[Golden]:
    """Return at most `most` questions, spread evenly over the live passages; the same on every call."""
    ids = list(Passage.objects.filter(live=True).order_by("pk").values_list("pk", flat=True))
    chosen = ids[:: max(1, len(ids) // most)][:most]
    passages = (
        Passage.objects.filter(pk__in=chosen).order_by("pk").only("pk", "text", "organization_id", "coach_id")
    )
    return [
        Golden(
            question=_middle_sentence(passage.text),
            passage_id=passage.pk,
            scope=Scope(passage.organization_id, passage.coach_id),
        )
        for passage in passages
    ]


def measure(
    *,
    new: tuple[EmbeddingSpace, EmbeddingModel],
    old: tuple[EmbeddingSpace, EmbeddingModel] | None,
    golden: Sequence[Golden],
) -> Gate:
    """Ask both spaces the same questions. Raises a ProviderError when a model does."""
    return Gate(
        questions=len(golden),
        old=_recall(*old, golden) if old else None,
        new=_recall(*new, golden),
    )


def _recall(space: EmbeddingSpace, model: EmbeddingModel, golden: Sequence[Golden]) -> float:
    """Return the share of the questions whose passage is among the nearest, each vector compared."""
    if not golden:
        return 1.0
    questions = [item.question for item in golden]
    vectors = async_to_sync(model.embed)(questions, deadline_s=EMBED_DEADLINE_S).vectors
    found = 0
    for item, vector in zip(golden, vectors, strict=True):
        near = vector_search.nearest(
            scope=item.scope,
            space=space,
            vector=vector,
            limit=NEAREST,
            strategy=vector_search.Strategy.EXACT,
        )
        found += item.passage_id in {hit.passage_id for hit in near}
    return found / len(golden)


def _middle_sentence(text: str) -> str:
    sentences: list[str] = [found.strip() for found in SENTENCE.findall(text)]
    long = [sentence for sentence in sentences if len(sentence) >= SHORTEST_SENTENCE] or sentences or [text]
    return long[len(long) // 2]
