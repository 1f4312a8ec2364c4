"""One question can be followed through all processes: its id is in the log and with every call to a provider."""

import json
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from celery.signals import before_task_publish, task_postrun, task_prerun

from accounts import audit, request_ids
from accounts.models import AuditEvent, User
from accounts.request_ids import request_id
from accounts.tests.api_caller import as_program
from accounts.tests.cast import Cast
from coaching.models import PromptRun
from coaching.tests.loopback import Script
from config.tests.faults import REPLY, Chat, answer_to
from conversations.models import Interaction
from conversations.tests.test_api_minding import rated

QUESTION = "How do we begin a team meeting well?"
CAUSE = "5d2f0c9a7b1e4c0f"


def sent() -> dict[str, str]:
    """Return the headers of a job that is sent now."""
    headers: dict[str, str] = {}
    before_task_publish.send(sender="a.job", headers=headers)
    return headers


def done_under(**headers: str) -> str:
    """Return the id under which a worker does a job with these headers."""
    task = SimpleNamespace(request=SimpleNamespace(**headers))
    task_prerun.send(sender=None, task_id="1", task=task)
    under = request_id.get()
    task_postrun.send(sender=None, task_id="1", task=task)
    return under


class TestAJob:
    def test_works_under_the_id_of_whoever_sent_it(self) -> None:
        token = request_ids.begin(CAUSE)
        headers = sent()
        request_id.reset(token)
        assert done_under(**headers) == CAUSE
        assert request_id.get() == ""

    def test_of_the_clock_gets_an_id_of_its_own(self) -> None:
        assert sent() == {}
        first, second = done_under(), done_under()
        assert (len(first), len(second)) == (32, 32)
        assert first != second

    def test_believes_no_id_that_is_none(self) -> None:
        assert done_under(request_id='"}\n{"level": "error"').isalnum()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestTheRecord:
    def test_names_the_request_that_led_to_each_entry(self, cast: Cast) -> None:
        ada, ben = as_program(cast.home.owner), as_program(cast.home.coach)
        given = rated(cast.home.owner)
        conversation = f"conversations/{given.message.conversation_id}"
        assert ada("POST", f"{conversation}/share", {}).status == 201
        led = {
            "feedback.handled": ben("PATCH", f"feedback/{given.pk}", {"state": "seen"}),
            "conversation.taken_over": ben("POST", f"{conversation}/take-over"),
            "share.revoked": ada("DELETE", conversation),
        }
        assert {action: reply.status for action, reply in led.items()} == dict.fromkeys(led, 200)
        noted = AuditEvent.objects.filter(action__in=led).values_list("action", "request_id")
        assert sorted(noted) == sorted((action, reply.meta["request_id"]) for action, reply in led.items())

    def test_names_the_job_or_the_frame_that_led_to_an_entry(self, owner: User) -> None:
        token = request_ids.begin(CAUSE)
        event = audit.record(actor=owner, action="looked", resource="page:1")
        request_id.reset(token)
        assert AuditEvent.objects.get(pk=event.pk).request_id == CAUSE
        assert audit.verify() == audit.Verification(events=1, broken_at=None)
        assert audit.record(actor=owner, action="looked", resource="page:1").request_id == ""


@pytest.mark.processes
class TestAQuestion:
    async def test_on_a_page_is_answered_by_a_worker_under_the_id_of_its_request(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        form = {"text": QUESTION, "client_id": str(uuid4())}
        address = f"/conversations/{conversation.pk}/say/"
        async with chat.model():
            answer = await answer_to(chat.stack, chat.house.owner, address, form)
            cause = answer.headers["X-Request-ID"] or ""
            await chat.settled()
        assert await ids_of_calls(conversation.pk) == [[cause]]
        assert {("web", "request"), ("worker", "turn_taken_over")} <= lines_under(chat, cause)

    async def test_in_a_socket_has_an_id_also_when_it_waits_for_another(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.model(Script(reply=REPLY, gap_s=0.05)), chat.tab(conversation.pk) as page:
            await page.say(QUESTION)
            await page.writing(5)
            await page.acknowledged(await page.say("And how do we end it?"))
            await page.answer("complete", number=1)
        (first,), (second,) = await ids_of_calls(conversation.pk)
        assert (len(first), len(second)) == (32, 32)
        assert first != second


async def ids_of_calls(conversation_id: UUID) -> list[list[str]]:
    """Return for each turn of a conversation, in order, the different ids under which providers were called."""
    turns = Interaction.objects.filter(conversation_id=conversation_id).order_by("reply__sequence")
    return [
        [
            each
            async for each in PromptRun.objects.filter(subject_id=turn.pk)
            .values_list("request_id", flat=True)
            .distinct()
        ]
        async for turn in turns
    ]


def lines_under(chat: Chat, cause: str) -> set[tuple[str, str]]:
    """Return the process and the message of each line of the log under an id."""
    return {
        (name, json.loads(line)["message"])
        for name in ("web", "worker")
        for line in (chat.stack.logs / f"{name}.log").read_text(encoding="utf-8").splitlines()
        if cause in line
    }
