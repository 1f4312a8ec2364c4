"""The coach's pages: who waits, what may be known of it, and what each button does without a script."""

import html
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from coaching.providers.scripted import ScriptedChat
from conversations import handoff, reading, waiting
from conversations.models import Conversation, Handoff, Message
from conversations.tests.doubles import stage
from conversations.tests.factories import begin, say, spoken
from knowledge.models import Passage
from knowledge.tests.shelf import put

SECRET = "I want to kill myself"
HTMX = {"HX-Request": "true"}


def asked(cast: Cast, text: str = "How do we begin?", **how: str) -> Conversation:
    """Return a conversation whose owner has said something and asked for her coach."""
    conversation = begin(cast.home.owner, **how)
    say(cast.home.owner, conversation, text)
    handoff.ask_for_coach(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
    return conversation


def in_crisis(cast: Cast) -> Conversation:
    """Return a private conversation in a crisis."""
    conversation = begin(cast.home.owner, visibility=Conversation.Visibility.PRIVATE)
    say(cast.home.owner, conversation, SECRET)
    return conversation


def signed_in(member: User) -> Client:
    """Return the browser of a member."""
    client = Client()
    client.force_login(member)
    return client


def address(conversation: Conversation, verb: str = "console") -> str:
    """Return where a coach does something with a conversation."""
    return reverse(f"conversations:{verb}", args=[conversation.pk])


def words_of(response: Any) -> str:
    """Return the page as text."""
    text: str = response.content.decode()
    return text


@pytest.mark.django_db
class TestTheQueue:
    def test_is_ordered_by_urgency_and_then_by_waiting_time(self, cast: Cast) -> None:
        now = timezone.now()
        later, earlier, crisis = asked(cast), asked(cast), in_crisis(cast)
        Handoff.objects.filter(conversation=earlier).update(requested_at=now - timedelta(minutes=9))
        rows = waiting.rows(cast.home.coach, now=now)
        assert [row.conversation for row in rows] == [crisis, earlier, later]
        assert [row.waited for row in rows] == ["less than a minute", "9 min", "less than a minute"]
        assert [row.urgency for row in rows] == [("now", "At once"), ("soon", "Soon"), ("soon", "Soon")]

    def test_shows_those_with_a_coach_after_those_that_wait(self, cast: Cast) -> None:
        taken, open_ = asked(cast), asked(cast)
        handoff.take_over(coach=cast.home.coach, conversation_id=taken.pk, now=timezone.now())
        rows = waiting.rows(cast.home.coach, now=timezone.now())
        assert [(row.conversation, row.holder) for row in rows] == [(open_, ""), (taken, "Ben Hart")]
        assert waiting.count(cast.home.coach) == 1

    def test_marks_what_is_later_than_promised(self, cast: Cast) -> None:
        asked(cast)
        since = Handoff.objects.get().requested_at
        promised = timedelta(minutes=cast.home.organization.response_minutes)
        (in_time,) = waiting.rows(cast.home.coach, now=since + promised - timedelta(seconds=1))
        (late,) = waiting.rows(cast.home.coach, now=since + promised)
        assert (in_time.is_overdue, late.is_overdue) == (False, True)

    def test_says_that_somebody_needs_a_person_and_hides_the_words_of_a_private_conversation(
        self, cast: Cast
    ) -> None:
        in_crisis(cast)
        page = words_of(signed_in(cast.home.coach).get(reverse("conversations:queue")))
        assert "Ada Moss" in page
        assert "the words stay hidden until Ada Moss agrees" in page
        assert "kill" not in page

    def test_lists_what_is_shared_without_words_until_it_is_opened_which_is_on_record(
        self, cast: Cast
    ) -> None:
        conversation = begin(cast.home.owner)
        Conversation.objects.filter(pk=conversation.pk).update(title="On leaving the school")
        browser = signed_in(cast.home.coach)
        listed = words_of(browser.get(reverse("conversations:queue")))
        address = reverse("conversations:console", args=[conversation.pk])
        assert f'href="{address}"' in listed
        assert ("Ada Moss" in listed, "leaving the school" in listed) == (True, False)
        say(cast.home.owner, conversation, "How do I tell them?")
        assert "leaving the school" in words_of(browser.get(address))
        read = AuditEvent.objects.get(action="conversation.read")
        assert (read.actor_id, read.resource) == (cast.home.coach.pk, f"conversation:{conversation.pk}")

    def test_shows_an_escalated_conversation_to_other_coaches_without_its_title(self, cast: Cast) -> None:
        asked(cast)
        assert waiting.rows(cast.home.other_coach, now=timezone.now()) == []
        Handoff.objects.update(escalated_at=timezone.now())
        (row,) = waiting.rows(cast.home.other_coach, now=timezone.now())
        assert (row.client, row.title, row.reads) == ("Ada Moss", "", False)
        assert waiting.rows(cast.away.coach, now=timezone.now()) == []

    def test_never_offers_a_coach_their_own_conversation(self, cast: Cast) -> None:
        conversation = begin(cast.home.other_coach)
        handoff.ask_for_coach(
            member=cast.home.other_coach, conversation_id=conversation.pk, now=timezone.now()
        )
        assert waiting.rows(cast.home.other_coach, now=timezone.now()) == []
        assert waiting.count(cast.home.other_coach) == 0

    def test_gives_a_script_the_list_and_the_badge_alone(self, cast: Cast) -> None:
        asked(cast)
        client = signed_in(cast.home.coach)
        episodes = words_of(client.get(reverse("conversations:queue"), headers=HTMX))
        assert episodes.lstrip().startswith('<div id="episodes"')
        badge = words_of(client.get(reverse("conversations:queue_badge")))
        assert 'data-waiting-count="1"' in badge
        assert 'hx-swap="outerHTML">1<span class="visually-hidden"> waiting<' in badge

    def test_needs_as_many_queries_for_ten_as_for_one(
        self, cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        asked(cast)
        with django_assert_num_queries(1):
            list(map(str, waiting.rows(cast.home.coach, now=timezone.now())))
        for _ in range(9):
            asked(cast)
        with django_assert_num_queries(1):
            assert len(waiting.rows(cast.home.coach, now=timezone.now())) == 10

    def test_is_no_page_for_an_educator(self, cast: Cast) -> None:
        client = signed_in(cast.home.owner)
        for name in ("conversations:queue", "conversations:queue_badge"):
            assert client.get(reverse(name)).status_code == 404

    @pytest.mark.parametrize(
        ("minutes", "words"),
        [
            (-3, "less than a minute"),
            (1, "1 min"),
            (59, "59 min"),
            (60, "1 h"),
            (61, "1 h 1 min"),
            (24 * 60, "1 day"),
            (72 * 60, "3 days"),
        ],
    )
    def test_says_a_length_of_time_as_a_person_would(self, minutes: int, words: str) -> None:
        assert waiting.duration(timedelta(minutes=minutes)) == words


@pytest.mark.django_db
class TestTheMenu:
    def test_of_a_coach_leads_to_the_queue_with_the_number_who_wait(self, cast: Cast) -> None:
        asked(cast)
        page = words_of(signed_in(cast.home.coach).get(reverse("admin:accounts_user_changelist")))
        assert 'data-waiting-count="1"' in page
        assert "/admin/queue/" in page
        assert "/admin/knowledge/document/" in page
        assert "/admin/accounts/auditevent/" not in page

    def test_of_an_administrator_has_the_record_too(self, cast: Cast) -> None:
        page = words_of(signed_in(cast.home.admin).get(reverse("conversations:queue")))
        for name in ("accounts_user", "accounts_team", "accounts_organization", "accounts_auditevent"):
            link = reverse(f"admin:{name}_changelist")
            assert f'href="{link}"' in page
            assert signed_in(cast.home.admin).get(link).status_code == 200


@pytest.mark.django_db
class TestTheConsole:
    def test_shows_the_conversation_with_its_brief_and_records_the_visit(self, cast: Cast) -> None:
        conversation = asked(cast)
        page = words_of(signed_in(cast.home.coach).get(address(conversation)))
        assert "How do we begin?" in page
        assert "Ada Moss pressed “Ask for a coach”." in page
        event = AuditEvent.objects.get(action="conversation.read")
        assert (event.actor_id, event.resource) == (cast.home.coach.pk, f"conversation:{conversation.pk}")

    def test_hides_every_word_of_a_private_conversation_until_its_client_agrees(self, cast: Cast) -> None:
        conversation = in_crisis(cast)
        client = signed_in(cast.home.coach)
        for page in (client.get(address(conversation)), client.get(address(conversation), headers=HTMX)):
            assert page.status_code == 200
            assert "kill" not in words_of(page)
        assert not AuditEvent.objects.filter(action="conversation.read").exists()
        handoff.consent(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
        assert SECRET in words_of(client.get(address(conversation)))
        assert AuditEvent.objects.filter(action="conversation.read").count() == 1

    def test_gives_a_script_how_things_stand_and_the_brief(self, cast: Cast) -> None:
        fragment = words_of(signed_in(cast.home.coach).get(address(asked(cast)), headers=HTMX))
        assert 'id="standing"' in fragment
        assert fragment.count('hx-swap-oob="true"') == 3
        assert "Ada Moss pressed" in fragment
        assert "<html" not in fragment

    def test_records_one_visit_however_often_its_parts_are_loaded_anew(self, cast: Cast) -> None:
        conversation, client = asked(cast), signed_in(cast.home.coach)
        visits = AuditEvent.objects.filter(action="conversation.read")
        client.get(address(conversation))
        for _ in range(3):
            client.get(address(conversation), headers=HTMX)
        client.post(address(conversation, "take_over"), headers=HTMX)
        assert visits.count() == 1
        client.get(address(conversation))
        assert visits.count() == 2

    def test_records_who_loads_the_parts_alone_or_long_after_the_page(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conversation, client = asked(cast), signed_in(cast.home.coach)
        client.get(address(conversation), headers=HTMX)
        monkeypatch.setattr(reading, "LONGEST_VISIT", timedelta(0))
        client.get(address(conversation), headers=HTMX)
        assert AuditEvent.objects.filter(action="conversation.read").count() == 2

    def test_sends_an_educator_to_their_own_chat_only_as_a_coach_of_others(self, cast: Cast) -> None:
        conversation = begin(cast.home.other_coach)
        answer = signed_in(cast.home.other_coach).get(address(conversation))
        assert answer.status_code == 302
        assert answer.headers["Location"] == reverse("conversations:chat", args=[conversation.pk])


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("scripted")
class TestTheForms:
    def post(self, member: User, conversation: Conversation, verb: str, **form: str) -> Any:
        """Press a button as a browser without a script does, and follow where it leads."""
        return signed_in(member).post(address(conversation, verb), form, follow=True)

    def say(self, member: User, conversation: Conversation, text: str, **form: str) -> Any:
        """Send a message from the page."""
        return self.post(member, conversation, "speak", client_id=str(uuid4()), text=text, **form)

    @pytest.mark.parametrize("verb", ["console", "take_over", "speak", "draft", "hand_back"])
    def test_is_missing_for_everybody_else(self, cast: Cast, verb: str) -> None:
        conversation = asked(cast)
        others = (cast.home.other_coach, cast.home.admin, cast.away.coach, cast.away.admin, cast.home.owner)
        for member in others[: 4 if verb == "console" else 5]:
            client = signed_in(member)
            do = client.get if verb == "console" else client.post
            form = {"client_id": str(uuid4()), "text": "Hello"}
            assert do(address(conversation, verb), form).status_code == 404
            assert do(reverse(f"conversations:{verb}", args=[uuid4()]), form).status_code == 404
        assert not AuditEvent.objects.filter(action="conversation.read").exists()
        assert [sender for sender, _ in spoken(conversation)] == ["client", "ai", "system"]

    def test_take_over_and_hand_back(self, cast: Cast) -> None:
        conversation = asked(cast)
        page = words_of(self.post(cast.home.coach, conversation, "take_over"))
        assert "You have this conversation." in page
        page = words_of(self.post(cast.home.coach, conversation, "hand_back"))
        assert "Nobody has asked for a person; you read along." in page
        conversation.refresh_from_db()
        assert (conversation.owner_state, conversation.holder) == ("ai", None)

    @pytest.mark.parametrize("headers", [{}, HTMX])
    def test_handing_back_a_private_one_leads_to_the_queue(self, cast: Cast, headers: dict[str, str]) -> None:
        conversation = in_crisis(cast)
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now())
        client = signed_in(cast.home.coach)
        answer = client.post(address(conversation, "hand_back"), headers=headers)
        queue = reverse("conversations:queue")
        assert answer.headers["HX-Redirect" if headers else "Location"] == queue
        assert "it is no longer open to you" in words_of(client.get(queue))

    def test_a_text_that_was_changed_after_it_was_sent_stays_in_the_box(self, cast: Cast) -> None:
        conversation = asked(cast)
        key = str(uuid4())
        self.post(cast.home.coach, conversation, "speak", client_id=key, text="Hello Ada")
        changed = "Hello Ada, how are you?"
        answer = self.post(cast.home.coach, conversation, "speak", client_id=key, text=changed)
        assert answer.status_code == 422
        assert f"{changed}</textarea>" in words_of(answer)
        assert Message.objects.get(sender_type="human_coach").content == "Hello Ada"

    def test_handing_back_what_one_does_not_have_changes_nothing(self, cast: Cast) -> None:
        conversation = asked(cast)
        page = words_of(self.post(cast.home.coach, conversation, "hand_back"))
        assert "You do not have this conversation; nothing was changed." in page
        conversation.refresh_from_db()
        assert conversation.owner_state == "queued"

    def test_a_message_takes_over(self, cast: Cast) -> None:
        conversation = asked(cast)
        page = words_of(self.say(cast.home.coach, conversation, "Hello Ada", draft="Hello Ad"))
        assert "You have this conversation." in page
        said = Message.objects.get(sender_type="human_coach")
        assert (said.content, said.metadata["edit_distance"]) == ("Hello Ada", 1)

    def test_a_second_coach_is_told_who_has_it_and_keeps_text_and_draft(self, cast: Cast) -> None:
        conversation = asked(cast)
        Handoff.objects.update(escalated_at=timezone.now())
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now())
        answer = self.say(cast.home.other_coach, conversation, "This is Cleo", draft="This was a draft")
        assert answer.status_code == 422
        for words in ("Ben Hart already has this conversation.", "This is Cleo", "This was a draft"):
            assert words in words_of(answer)
        assert "Ben Hart already has" in words_of(self.post(cast.home.other_coach, conversation, "take_over"))
        assert not Message.objects.filter(sender=cast.home.other_coach).exists()

    def test_an_empty_message_is_refused_and_takes_nothing_over(self, cast: Cast) -> None:
        conversation = asked(cast)
        answer = self.say(cast.home.coach, conversation, "  ")
        assert answer.status_code == 422
        assert "Write something first." in words_of(answer)
        conversation.refresh_from_db()
        assert conversation.owner_state == "queued"

    def test_a_message_from_a_stale_page_keeps_its_text(self, cast: Cast) -> None:
        conversation = asked(cast)
        answer = self.post(cast.home.coach, conversation, "speak", client_id="no key", text="Half a thought")
        assert answer.status_code == 422
        assert "Half a thought" in words_of(answer)

    def test_a_draft_comes_into_the_box_behind_what_is_there(self, cast: Cast) -> None:
        conversation = asked(cast)
        stage.chat = ScriptedChat("What have you tried?")
        answer = self.post(cast.home.coach, conversation, "draft", text="Hello Ada,")
        assert "Hello Ada,\n\nWhat have you tried?</textarea>" in words_of(answer)
        assert 'value="What have you tried?"' in words_of(answer)
        assert not Message.objects.filter(sender_type="human_coach").exists()

    def test_a_draft_says_what_it_draws_on_and_who_said_that_when(self, cast: Cast) -> None:
        begin_with = "Begin with one question that everybody writes down."
        (recorded,) = put(cast.home.organization, begin_with, title="Tuesday's meeting")
        said = [[0, 61.0, "Ben Okoro"]]
        Passage.objects.update(page_label="", speaker="Ben Okoro", start_seconds=61.0, utterances=said)
        (printed,) = put(cast.home.organization, "To begin well, agree on norms.", title="Handbook")
        sources = {recorded.text: "Tuesday's meeting, Ben Okoro at 1:01", printed.text: "Handbook, page 1"}
        stage.chat = ScriptedChat("One question [1]. And norms [2].")
        page = words_of(self.post(cast.home.coach, asked(cast, "How do we begin well?"), "draft"))
        assert "One question. And norms.</textarea>" in page
        shown = html.unescape(page[page.index("It draws on") :])
        links = re.findall(r'<a href="(/library/[^"]+)">([^<]+)</a>', shown[: shown.index("</p>")])
        assert {label for _, label in links} == set(sources.values())
        for (url, _label), passage in zip(
            sorted(links, key=lambda link: link[1]), (printed, recorded), strict=True
        ):
            assert str(passage.version_id) in url

    def test_a_draft_for_a_script_is_json_and_its_failure_a_sentence(self, cast: Cast) -> None:
        conversation = asked(cast)
        stage.chat = ScriptedChat("What have you tried?")
        client = signed_in(cast.home.coach)
        wanted = {"Accept": "application/json"}
        assert client.post(address(conversation, "draft"), headers=wanted).json() == {
            "text": "What have you tried?",
            "sources": [],
        }
        failed = client.post(address(conversation, "draft"), headers=wanted)
        assert failed.json() == {
            "problem": "The AI could not write a draft just now. Your own words are enough."
        }
