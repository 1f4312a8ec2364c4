"""The owner's access diary: who looked, when and why, and nothing of anybody else's."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import audit
from accounts.tests.cast import Cast
from conversations import diary, handoff, organizing, sharing
from conversations.models import Conversation
from conversations.tests.factories import add, begin

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def conversation(cast: Cast) -> Conversation:
    """Return Ada's conversation, which she shares with her coach."""
    conversation = begin(cast.home.owner)
    add(conversation, "How do we begin?", by="client", sender=cast.home.owner)
    return conversation


def signed_in(member: Any) -> Client:
    """Return the browser of a member."""
    client = Client()
    client.force_login(member)
    return client


def told(member: Any, **values: Any) -> list[tuple[str, str, int, str]]:
    """Return who did what how often and why, as the diary tells it."""
    return [(each.who, each.what, each.times, each.why) for each in diary.page(member, **values).entries]


class TestTheDiary:
    def test_of_a_private_person_is_empty(self, cast: Cast) -> None:
        page = signed_in(cast.home.owner).get("/diary/").content.decode()
        assert "Nobody has looked" in page

    def test_tells_of_a_coach_who_reads(self, cast: Cast, conversation: Conversation) -> None:
        console = reverse("conversations:console", args=[conversation.pk])
        coach = signed_in(cast.home.coach)
        coach.get(console)
        coach.get(console)
        assert told(cast.home.owner) == [("Ben Hart", "read it", 2, "You shared it with your coach then.")]
        page = signed_in(cast.home.owner).get("/diary/").content.decode()
        assert "<strong>Ben Hart</strong> read it, 2 times since" in page

    def test_tells_why_within_an_episode(self, cast: Cast, conversation: Conversation) -> None:
        owner, coach, now = cast.home.owner, cast.home.coach, timezone.now()
        handoff.ask_for_coach(member=owner, conversation_id=conversation.pk, now=now)
        handoff.take_over(coach=coach, conversation_id=conversation.pk, now=now)
        handoff.hand_back(coach=coach, conversation_id=conversation.pk, now=timezone.now())
        why = "A coach was with it or had been called: the client asked."
        assert told(owner) == [
            ("Ben Hart", "handed it back to the AI", 1, why),
            ("Ben Hart", "took it over from the AI", 1, why),
        ]

    def test_tells_of_links_and_of_those_who_opened_them(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        owner, now = cast.home.owner, timezone.now()
        made = sharing.make(member=owner, conversation_id=conversation.pk, now=now)
        Client().get(f"/s/{made.token}/")
        why = f"The link was made on {now:%-d %B %Y, %H:%M} UTC."
        assert told(owner) == [
            ("Somebody with the link", "opened it by a link", 1, why),
            ("You", "made a link to it", 1, why),
        ]

    def test_tells_also_what_it_has_no_words_for(self, cast: Cast, conversation: Conversation) -> None:
        audit.record(actor=cast.home.admin, action="thing.done", resource=f"conversation:{conversation.pk}")
        assert told(cast.home.owner) == [("Dora Finch", "did what is recorded as “thing.done”", 1, "")]

    def test_keeps_telling_of_a_deleted_conversation(self, cast: Cast, conversation: Conversation) -> None:
        signed_in(cast.home.coach).get(reverse("conversations:console", args=[conversation.pk]))
        organizing.delete(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
        page = signed_in(cast.home.owner).get("/diary/").content.decode()
        assert "A conversation that you deleted" in page
        assert str(conversation.pk) not in page

    def test_can_be_of_one_conversation(self, cast: Cast, conversation: Conversation) -> None:
        other = begin(cast.home.owner)
        add(other, "And then?", by="client", sender=cast.home.owner)
        coach = signed_in(cast.home.coach)
        for each in (conversation, other):
            coach.get(reverse("conversations:console", args=[each.pk]))
        assert len(told(cast.home.owner)) == 2
        assert len(told(cast.home.owner, conversation=other)) == 1

    def test_is_nobody_elses(self, cast: Cast, conversation: Conversation) -> None:
        signed_in(cast.home.coach).get(reverse("conversations:console", args=[conversation.pk]))
        for member in (cast.home.coach, cast.home.admin, cast.away.owner):
            assert told(member) == []
            browser = signed_in(member)
            foreign = browser.get("/diary/", {"conversation": str(conversation.pk)})
            missing = browser.get("/diary/", {"conversation": "00000000-0000-7000-8000-000000000000"})
            assert (foreign.status_code, foreign.content) == (404, missing.content)
        assert Client().get("/diary/").status_code == 302

    def test_goes_back_page_by_page_and_misses_nothing(self, cast: Cast, conversation: Conversation) -> None:
        acts = diary.PAGE_SIZE * 2 + 3
        for number in range(acts):
            audit.record(
                actor=cast.home.coach, action=f"act.{number}", resource=f"conversation:{conversation.pk}"
            )
        seen, before = [], None
        while True:
            page = diary.page(cast.home.owner, before=before)
            seen += [entry.what for entry in page.entries]
            before = page.next_before
            if before is None:
                break
        assert seen == [f"did what is recorded as “act.{number}”" for number in reversed(range(acts))]

    def test_needs_as_many_queries_for_many_conversations_as_for_one(
        self, cast: Cast, conversation: Conversation, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        coach = cast.home.coach
        conversations = [conversation, *(begin(cast.home.owner) for _ in range(9))]
        for each in conversations:
            audit.record(actor=coach, action="conversation.read", resource=f"conversation:{each.pk}")
        with django_assert_num_queries(4):
            assert len(diary.page(cast.home.owner).entries) == 10

    def test_is_linked_from_the_chat_and_the_settings(self, cast: Cast, conversation: Conversation) -> None:
        browser = signed_in(cast.home.owner)
        chat = browser.get(f"/conversations/{conversation.pk}/").content.decode()
        assert f'href="/diary/?conversation={conversation.pk}"' in chat
        assert 'href="/diary/"' in browser.get("/settings/").content.decode()

    def test_shows_no_address_of_anybody(self, cast: Cast, conversation: Conversation) -> None:
        made = sharing.make(
            member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now() - timedelta(hours=1)
        )
        Client(REMOTE_ADDR="192.0.2.77").get(f"/s/{made.token}/")
        assert "192.0.2.77" not in signed_in(cast.home.owner).get("/diary/").content.decode()
