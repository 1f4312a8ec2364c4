"""What a sentence announces is quoted with it."""

import pytest

from coaching.providers.announced import announced
from coaching.providers.extractive import INTRODUCTION, Extractive
from coaching.providers.minilm import MiniLM
from coaching.providers.ports import SourceText
from coaching.tests.test_extractive import ask

WHY = SourceText(
    4,
    "Handbook",
    "Why we meet\n\nWe learn together for three reasons. Students deserve what any of us knows. Teaching grows when it "
    "is seen. Shared work lasts. The next chapter is about time.",
)


async def test_reasons_follow_the_sentence_that_counts_them() -> None:
    answer, _ = await ask(Extractive(MiniLM()), "Why do we learn together?", [WHY])
    assert answer == (
        f"{INTRODUCTION}\n\n> We learn together for three reasons. [4] Students deserve what any of us knows. [4] "
        "Teaching grows when it is seen. [4] Shared work lasts. [4]"
    )


@pytest.mark.parametrize(
    "text",
    [
        "We review three norms a week. Then we stop.",
        "We gave it up for these three reasons. Lunch is at noon.",
        "The team repeats the last two steps. Lunch is at noon.",
        "Students answer the five questions. Lunch is at noon.",
        "We do it in two steps.\n\nThe budget grew by a tenth. Nobody knows why.",
        "There are three reasons.",
    ],
)
def test_a_sentence_that_announces_nothing_stands_alone(text: str) -> None:
    assert list(announced(SourceText(1, "Handbook", text), 0)) == []


def test_nobody_else_is_quoted_for_what_a_speaker_announces() -> None:
    text = "I see two things. We start late. But we end early. The third is a joke."
    source = SourceText(1, "Meeting", text, speakers=((0, "Ada"), (text.index("But"), "Ben")))
    assert list(announced(source, 0)) == [(1, "We start late.")]
    second = SourceText(1, "Meeting", text, speakers=((0, "Ada"),))
    assert [said for _, said in announced(second, 0)] == ["We start late.", "But we end early."]
