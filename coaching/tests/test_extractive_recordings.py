"""The model without a key, asked what somebody has said in a recording."""

from dataclasses import replace

import pytest

from coaching.providers.extractive import INTRODUCTION, Extractive
from coaching.providers.minilm import MiniLM
from coaching.providers.ports import SourceText
from coaching.tests.test_extractive import ask

SAID = SourceText(
    number=4,
    title="Evidence conversation",
    text=(
        "We can meet in the library corner on Mondays.\n\nWe have the small room on Tuesdays and Thursdays.\n\n"
        "The small room is too loud for thirty children."
    ),
    speakers=((0, "Amira Haddad"), (47, "Jonah Pike"), (98, "Tess Alvarado")),
)


@pytest.fixture(scope="module")
def model() -> Extractive:
    return Extractive(MiniLM())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Jonah", "We have the small room on Tuesdays and Thursdays. [4]"),
        ("Tess Alvarado", "The small room is too loud for thirty children. [4]"),
    ],
)
async def test_of_a_recording_those_words_are_quoted_that_the_named_one_has_said(
    model: Extractive, name: str, said: str
) -> None:
    answer, _ = await ask(model, f"What did {name} say about the small room?", (SAID,))
    assert answer.removeprefix(INTRODUCTION).strip().splitlines()[0].removeprefix("> ") == said


async def test_who_is_called_by_a_number_is_not_named_by_every_number(model: Extractive) -> None:
    numbered = replace(SAID, speakers=((0, "Speaker 1"), (47, "Speaker 2"), (98, "Speaker 1")))
    plan = SourceText(1, "Plan", "The first phase of the protocol takes forty minutes.")
    answer, _ = await ask(model, "How long does phase 1 of the protocol take?", (plan, numbered))
    assert "The first phase of the protocol takes forty minutes. [1]" in answer
    answer, _ = await ask(model, "What did Speaker 2 say about the small room?", (plan, numbered))
    said = "We have the small room on Tuesdays and Thursdays. [4]"
    assert answer.removeprefix(INTRODUCTION).strip().splitlines()[0].removeprefix("> ") == said


async def test_what_is_asked_of_nobody_is_quoted_whoever_says_it(model: Extractive) -> None:
    answer, _ = await ask(model, "When do we have the small room?", (SAID,))
    assert "We have the small room on Tuesdays and Thursdays. [4]" in answer
