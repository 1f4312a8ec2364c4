"""What is thought in a process of its own, and what happens when that one fails."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import psutil
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts import request_ids
from accounts.request_ids import request_id
from accounts.tests.cast import Cast
from accounts.tests.waiting import PATIENCE_S, eventually
from coaching.models import Budget, PromptRun
from coaching.providers import registry
from coaching.providers.metered import PromptIdentity, RunRecord
from conversations import apart as house
from conversations import live
from conversations.apart import Apart, WorkFailed
from conversations.metering import Collector
from conversations.models import Conversation, Interaction, Message
from conversations.presenting import Names
from conversations.tests.test_turns import counted
from conversations.tests.thoughts import be_silent_unless_in, die_unless_in, stumble, under, where
from conversations.turns import prepare as preparing
from conversations.turns import settle as settling
from conversations.turns.accept import accept
from conversations.turns.record import Outcome
from conversations.turns.sealing import Sealed, unseal


async def has_ended(process: int) -> bool:
    """Whether there is no such process any more."""
    return not psutil.pid_exists(process)


@pytest.fixture
async def apart(settings: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Apart]:
    """Return a thinking process to be."""
    settings.THINKING_PROCESS = "config.thinking"
    monkeypatch.setattr(house, "REST_SECONDS", 0.0)
    before = set(psutil.Process().children())
    yield Apart()
    for child in set(psutil.Process().children()) - before:
        child.kill()


class TestAThinkingProcess:
    async def test_does_what_it_is_asked_and_stays(self, apart: Apart) -> None:
        (words, process), elsewhere = await apart.call(where, "begin ✓")
        assert (words, elsewhere) == ("begin ✓", True)
        assert process != os.getpid()
        assert (await apart.call(where, "again")) == (("again", process), True)

    async def test_works_under_the_id_of_whoever_asks(self, apart: Apart) -> None:
        token = request_ids.begin()
        assert await apart.call(under) == (request_id.get(), True)
        request_id.reset(token)

    async def test_tells_what_kind_of_fault_it_was_and_nothing_of_its_words(self, apart: Apart) -> None:
        with pytest.raises(WorkFailed, match=r"^LookupError$"):
            await apart.call(stumble)
        assert (await apart.call(where, ""))[1] is True

    async def test_that_dies_is_done_without_and_replaced(self, apart: Apart) -> None:
        (_, first), _ = await apart.call(where, "")
        assert await apart.call(die_unless_in, os.getpid()) == ("done here", False)
        (_, second), elsewhere = await apart.call(where, "")
        assert elsewhere
        assert second not in {first, os.getpid()}

    async def test_that_is_silent_is_ended(self, apart: Apart, monkeypatch: pytest.MonkeyPatch) -> None:
        (_, process), _ = await apart.call(where, "")
        monkeypatch.setattr(house, "PATIENCE_SECONDS", 0.1)
        assert await apart.call(be_silent_unless_in, os.getpid()) == ("done here", False)
        await eventually(partial(has_ended, process), "the end of the silent process")

    async def test_that_takes_long_to_begin_is_not_ended_for_it(
        self, apart: Apart, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = set(psutil.Process().children())
        monkeypatch.setattr(house, "PATIENCE_SECONDS", 0.0)
        assert await apart.call(where, "early") == (("early", os.getpid()), False)
        monkeypatch.setattr(house, "PATIENCE_SECONDS", PATIENCE_S)
        (begun,) = set(psutil.Process().children()) - before
        assert await apart.call(where, "later") == (("later", begun.pid), True)

    async def test_that_is_late_with_one_answer_goes_on_with_the_others(
        self, apart: Apart, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (_, process), _ = await apart.call(where, "")
        monkeypatch.setattr(house, "PATIENCE_SECONDS", 1.5)
        late = asyncio.create_task(apart.call(be_silent_unless_in, os.getpid()))
        while not late.done():
            assert await apart.call(where, "") == (("", process), True)
        assert await late == ("done here", False)
        assert await apart.call(where, "") == (("", process), True)

    async def test_that_cannot_be_begun_is_done_without(
        self, apart: Apart, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise BlockingIOError("no more processes")

        monkeypatch.setattr(subprocess, "Popen", refuse)
        assert await apart.call(where, "") == (("", os.getpid()), False)

    async def test_is_not_had_where_the_settings_name_none(self, apart: Apart, settings: Any) -> None:
        settings.THINKING_PROCESS = ""
        assert await apart.call(where, "here") == (("here", os.getpid()), False)


ANSWER = "Twice a year."
COST = Decimal("0.25")


async def asked(cast: Cast, conversation: Conversation) -> UUID:
    """Have a question asked whose turn is this process's; return the turn."""
    accepted = await sync_to_async(accept)(
        member=cast.home.owner,
        conversation_id=conversation.pk,
        client_id=Message().pk,
        text="How often should a team review its norms?",
        now=timezone.now(),
        worker=live.PROCESS,
    )
    assert accepted.turn_id is not None
    return accepted.turn_id


async def answered(cast: Cast, conversation: Conversation) -> tuple[Sealed, Outcome]:
    """Have a question asked and its answer heard to the end, which nobody has written down yet."""
    prepared = await preparing.prepare_here(await asked(cast, conversation))
    assert prepared is not None
    run = RunRecord("answer", "openai", "gpt-4o", PromptIdentity(), 1, 1, False, COST, 1, 1, "ok")
    return prepared.plan, Outcome("complete", ANSWER, runs=[run], first_token_at=timezone.now())


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestATurn:
    async def test_is_prepared_there_as_it_would_be_here_and_its_calls_are_counted_here(
        self,
        cast: Cast,
        conversation: Conversation,
        apart: Apart,
        database_url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setattr(preparing, "apart", apart)
        model = registry.embeddings()
        labels = {"provider": model.provider, "model": model.model, "status": "ok"}
        before = counted("sideline_provider_calls_total", **labels)
        turn_id = await asked(cast, conversation)
        collector = Collector()
        there = await preparing.prepare(turn_id, collector)
        assert [run.purpose for run in collector.runs] == ["embedding"]
        assert counted("sideline_provider_calls_total", **labels) == before + 1
        here = await preparing.prepare_here(turn_id)
        assert here is not None
        assert there is not None
        assert (there.reply_id, there.reply_sequence, there.persona_name, there.request, there.markers) == (
            here.reply_id,
            here.reply_sequence,
            here.persona_name,
            here.request,
            here.markers,
        )
        found, own = unseal(there.plan), unseal(here.plan)
        assert (found.loaded, found.passages, found.asks_back) == (own.loaded, own.passages, own.asks_back)
        assert await preparing.prepare(Message().pk, collector) is None

    async def test_is_settled_there_written_out_and_counted_here(
        self,
        cast: Cast,
        conversation: Conversation,
        apart: Apart,
        database_url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setattr(settling, "apart", apart)
        plan, outcome = await answered(cast, conversation)
        before = counted("sideline_turns_total", ended="complete")
        settled = await settling.settle(plan, outcome, Names(client="Ada", persona="Compass"))
        assert settled.recorded.is_news
        assert settled.shown is not None
        assert (settled.shown.state, settled.shown.length) == ("complete", len(ANSWER))
        assert "Compass" in settled.shown.html
        assert counted("sideline_turns_total", ended="complete") == before + 1
        turn = await Interaction.objects.select_related("reply").aget(conversation=conversation)
        assert (turn.reply.content, turn.reply.state) == (ANSWER, "complete")
        assert await PromptRun.objects.filter(subject_id=turn.pk).acount() == 1

    async def test_is_settled_once_though_the_process_that_did_it_was_not_heard(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        plan, outcome = await answered(cast, conversation)
        before = counted("sideline_turns_total", ended="complete")
        first, second = [await settling.settle(plan, outcome, None) for _ in range(2)]
        assert (first.recorded.is_news, second.recorded.is_news) == (True, False)
        assert second.recorded.reply.content == ANSWER
        assert (first.shown, second.shown) == (None, None)
        assert counted("sideline_turns_total", ended="complete") == before + 1
        turn = await Interaction.objects.aget(conversation=conversation)
        assert await PromptRun.objects.filter(subject_id=turn.pk).acount() == 1
        today = await Budget.objects.aget(user=cast.home.owner)
        assert (today.spent_usd, today.reserved_usd, today.open_turns) == (COST, Decimal(0), 0)
