"""Two organizations with the same books ask the same questions: they never share a row."""

import pytest

from accounts.models import Organization
from accounts.tests.api_caller import as_program
from accounts.tests.cast import Cast, House
from coaching.providers.scripted import ScriptedChat
from coaching.tests.factories import PersonaFactory
from conversations.models import Message
from conversations.tests.api_reading import messages
from conversations.tests.doubles import stage
from conversations.tests.factories import begin
from knowledge.models import Passage
from knowledge.tests.shelf import put

pytestmark = pytest.mark.django_db(transaction=True)
QUESTIONS = (
    "How do we begin a meeting well?",
    "How often do we review our norms?",
    "Who keeps the time in a meeting?",
)
ANSWER = "Begin with one question that matters [1]. Read the norms aloud [2]."
TEXTS = (
    "How do we begin a meeting well? Begin with one question that matters.",
    "How often do we review our norms? Read the norms aloud every six weeks.",
    "Who keeps the time in a meeting? Somebody new each time.",
)


@pytest.fixture(autouse=True)
def _answers(scripted: None) -> None:
    stage.chat = ScriptedChat(*[ANSWER] * len(QUESTIONS) * 2)


def ask_all(house: House) -> None:
    """Ask every question as the owner."""
    conversation = begin(house.owner)
    ada = as_program(house.owner)
    for question in QUESTIONS:
        reply = ada("POST", messages(conversation), {"content": question})
        assert (reply.status, reply.data["state"]) == (201, "complete")
        assert len(reply.data["citations"]) >= 1


def ids_of(house: House) -> dict[str, set[str]]:
    """Return the ids of everything behind the answers of a house."""
    answers = list(Message.objects.filter(conversation__owner=house.owner, sender_type="ai"))
    cited = [citation for answer in answers for citation in answer.citations]
    return {
        "messages": {str(answer.pk) for answer in answers},
        "passages": {citation["passage_id"] for citation in cited},
        "documents": {citation["document_id"] for citation in cited},
        "versions": {citation["version_id"] for citation in cited},
    }


def passages_of(organization: Organization) -> set[str]:
    """Return the ids of the passages of an organization."""
    return {str(pk) for pk in Passage.objects.filter(organization=organization).values_list("pk", flat=True)}


def test_the_same_questions_over_the_same_books_share_no_row(cast: Cast) -> None:
    for house in (cast.home, cast.away):
        PersonaFactory.create(coach=house.coach, low_confidence_below=0.0)
        put(house.organization, *TEXTS)
    for house in (cast.home, cast.away):
        ask_all(house)
    home, away = ids_of(cast.home), ids_of(cast.away)
    for kind, ids in home.items():
        assert ids, kind
        assert away[kind], kind
        assert not ids & away[kind], kind
    for house, found in ((cast.home, home), (cast.away, away)):
        own = passages_of(house.organization)
        assert found["passages"] <= own
        retrieved = str(
            list(Message.objects.filter(conversation__owner=house.owner).values_list("retrieval"))
        )
        foreign = passages_of((cast.away if house is cast.home else cast.home).organization)
        assert [each for each in foreign if each in retrieved] == []
