"""Answers without a language model: the best supported sentences of the sources, word for word, each cited.

When the sources do not seem to hold the answer it says so and cites nothing. The last piece carries the
chance, by the adapter's own reckoning, that the quoted sentences answer the question.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Never

from coaching.providers.announced import ANNOUNCES, announced
from coaching.providers.evidence import Candidate, Question, gather
from coaching.providers.minilm import from_settings as embedded_embeddings
from coaching.providers.parts import parts_of
from coaching.providers.ports import (
    ChatRequest,
    EmbeddingModel,
    Piece,
    ProviderTimeout,
    ProviderUnsupported,
    Schema,
    SourceText,
    Usage,
)
from coaching.providers.support import (
    SHORTLIST,
    SHORTLIST_OF_A_PART,
    Support,
    judge,
    shortlist,
    together,
)
from coaching.providers.tokens import estimate_input, estimate_tokens
from coaching.providers.words import Rarity

INTRODUCTION = "Here is what your library says, in its own words:"
REMEMBERED = "Your coach told you:"
NOT_FOUND = (
    "I could not find this in your library. You could ask in other words, or ask your coach to have a look."
)
ANSWERS_FROM = 0.5
"""The confidence from which the sentences are shown as an answer."""
GROUP = re.compile(r"(?:\S+\s*){1,5}")
FOREIGN_MARKER = re.compile(r"\s?\[\d{1,3}(?:\s*,\s*\d{1,3})*\]")


class Extractive:
    """The `ChatModel` that needs no key: it quotes, and says that it does."""

    provider = "extractive"
    model = "extractive-1"

    def __init__(self, embeddings: EmbeddingModel, *, rarity: Callable[[str], float] | None = None) -> None:
        self.embeddings = embeddings
        self.rarity = rarity or Rarity()

    async def stream(self, request: ChatRequest, *, deadline_s: float) -> AsyncIterator[Piece]:
        """Stream the quoted answer in groups of words; raise `ProviderTimeout` when it is not ready in time."""
        try:
            async with asyncio.timeout(deadline_s):
                support = await self.support(request.question, request.sources, deadline_s=deadline_s)
        except TimeoutError as error:
            raise ProviderTimeout(f"No answer was found in {deadline_s} s.") from error
        answer = remember(request.handback) + compose(support, request.sources)
        for group in GROUP.findall(answer):
            yield Piece(text=group)
            await asyncio.sleep(0)
        usage = Usage(estimate_input(request), estimate_tokens(answer))
        yield Piece(usage=usage, finish_reason="stop", confidence=support.confidence)

    async def structured(self, request: ChatRequest, *, schema: type[Schema], deadline_s: float) -> Never:
        """Refuse: sentences of a document are no structured answer."""
        raise ProviderUnsupported("The extractive model only quotes; it has no structured answers.")

    async def support(self, question: str, sources: Sequence[SourceText], *, deadline_s: float) -> Support:
        """Find the sentences of `sources` that speak to `question`, with one call for all their vectors.

        A question of several parts is also asked part by part.
        """
        asked = [question, *parts_of(question)]
        readings = await asyncio.to_thread(self._read, asked, sources)
        candidates = [candidate for _, shortlisted in readings for candidate in shortlisted]
        if not candidates:
            return Support()
        texts = list(dict.fromkeys([*asked, *(candidate.told for candidate in candidates)]))
        vectors = (await self.embeddings.embed(texts, deadline_s=deadline_s)).vectors
        place = {text: number for number, text in enumerate(texts)}
        for read, shortlisted in readings:
            for candidate in shortlisted:
                similarity = vectors[place[candidate.told]] @ vectors[place[read.text]]
                candidate.features.similarity = float(similarity)
        whole, *parts = [judge(read, shortlisted) for read, shortlisted in readings]
        return together(whole, parts, answers_from=ANSWERS_FROM)

    def _read(
        self, asked: Sequence[str], sources: Sequence[SourceText]
    ) -> list[tuple[Question, list[Candidate]]]:
        """Read the question, and each part of it, against the sources."""
        readings = [gather(each, sources, self.rarity) for each in asked]
        most = [SHORTLIST, *[SHORTLIST_OF_A_PART] * (len(asked) - 1)]
        return [
            (read, shortlist(candidates, most=number))
            for (read, candidates), number in zip(readings, most, strict=True)
        ]


def from_settings() -> Extractive:
    """Build the adapter for `CHAT_MODEL`; it needs no setting."""
    return Extractive(embedded_embeddings())


def remember(handback: str) -> str:
    """Begin with what the human coach said, as a quotation; nothing when there was none."""
    lines = [line for line in FOREIGN_MARKER.sub("", handback).splitlines() if line.strip()]
    if not lines:
        return ""
    return REMEMBERED + "\n\n" + "\n".join(f"> {line}" for line in lines) + "\n\n"


def compose(support: Support, sources: Sequence[SourceText]) -> str:
    """Write the answer: quotations in the order of the sources, neighbours side by side, a marker behind each."""
    if support.confidence < ANSWERS_FROM or not support.sentences:
        return NOT_FOUND
    answer = INTRODUCTION
    before: tuple[int, int] | None = None
    for place, text in _quoted(support, sources).items():
        adjacent = before and (before[0], before[1] + 1) == place
        words = FOREIGN_MARKER.sub("", text)
        answer += (" " if adjacent else "\n\n> ") + f"{words} [{sources[place[0]].number}]"
        before = place
    return answer


def _quoted(support: Support, sources: Sequence[SourceText]) -> dict[tuple[int, int], str]:
    """Return the sentences to quote by source and position, in that order, each followed by what it announces."""
    quoted: dict[tuple[int, int], str] = {}
    for each in support.sentences:
        quoted[each.source, each.position] = each.sentence.text
        if ANNOUNCES.search(each.sentence.text):
            more = announced(sources[each.source], each.position)
            quoted |= {(each.source, place): text for place, text in more if text not in quoted.values()}
    return dict(sorted(quoted.items()))
