"""Which domain a question belongs to."""

import numpy as np
import pytest

from coaching.providers.scripted import ScriptedEmbedding
from knowledge.domains import DomainVectors, domain_texts
from knowledge.routing import Router, Routing, route, router_for

TEXTS = {
    "assessment": (
        "Assessment. Tests and rubrics.",
        "How do I write a rubric?",
        "May students retake a test?",
    ),
    "collaboration": (
        "Collaboration. Teams and norms.",
        "How do we write norms?",
        "Who leads the team meeting?",
    ),
    "leadership": (
        "Leadership. The principal.",
        "How does a principal protect time?",
        "How do I lead change?",
    ),
}


@pytest.fixture
async def router() -> Router:
    return await router_for(ScriptedEmbedding(), TEXTS)


async def routed(router: Router, question: str) -> Routing:
    vectors = (await ScriptedEmbedding().embed([question], deadline_s=1)).vectors
    return route(question=question, vector=vectors[0], router=router)


@pytest.mark.parametrize(
    ("question", "domain"),
    [
        ("How do I write a good rubric?", "assessment"),
        ("Who leads the meeting of our team?", "collaboration"),
        ("How does the principal lead change?", "leadership"),
    ],
)
async def test_a_question_goes_to_its_domain(router: Router, question: str, domain: str) -> None:
    decision = await routed(router, question)
    assert decision.primary == domain
    assert decision.domains[0] == domain
    assert sum(decision.scores.values()) == pytest.approx(1.0, abs=1e-3)
    assert decision.confidence == pytest.approx(max(decision.scores.values()), abs=1e-4)


async def test_a_question_about_two_domains_has_both(router: Router) -> None:
    decision = await routed(router, "How do we write norms, and how do I write a rubric?")
    assert set(decision.domains) == {"assessment", "collaboration"}


async def test_a_question_about_something_else_has_no_domain(router: Router) -> None:
    decision = await routed(router, "Zebras graze quietly near Kilimanjaro")
    assert (decision.primary, decision.domains, decision.confidence, decision.unsure) == (
        None,
        (),
        0.0,
        False,
    )
    assert not decision.needs_clarification


async def test_a_question_that_says_nothing_needs_a_question_back(router: Router) -> None:
    assert (await routed(router, "help")).needs_clarification
    assert (await routed(router, "")).needs_clarification


def test_an_unsure_decision_says_so() -> None:
    assert Routing(primary="assessment", confidence=0.49).unsure
    assert not Routing(primary="assessment", confidence=0.5).unsure
    assert not Routing(primary=None).unsure


async def test_the_router_is_built_once_for_the_same_texts() -> None:
    model = ScriptedEmbedding()
    texts = {**TEXTS, "curriculum": ("Curriculum. Standards.", "Which standards are essential?")}
    first = await router_for(model, texts)
    assert await router_for(model, texts) is first
    assert len(model.asked) == 1
    assert await router_for(model, TEXTS) is not first


@pytest.mark.django_db
def test_the_real_domains_can_be_routed() -> None:
    texts = domain_texts()
    owners = np.repeat(np.arange(len(texts)), [len(group) for group in texts.values()])
    chance = np.random.default_rng(1).standard_normal((len(owners), 384)).astype(np.float32)
    vectors = chance / np.linalg.norm(chance, axis=1, keepdims=True)
    router = Router(texts=texts, vectors=DomainVectors(tuple(texts), vectors, owners))
    for row, owner in enumerate(owners):
        assert router.route(question="", vector=vectors[row]).primary == list(texts)[owner]
