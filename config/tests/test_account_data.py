"""A person's own data: every table is answered for, the copy is whole, and what was erased is nowhere."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db.models import Model

from accounts import audit, data_requests, erasure, lifecycle, quotas, waiting_work
from accounts.account_data import AccountsData
from accounts.backlog import Backlog
from accounts.lifecycle_models import Erasure
from accounts.models import AuditEvent, Team, TeamMembership, User
from accounts.people import LastAdministrator
from accounts.tests.cast import Cast
from coaching.models import Persona, PromptRun
from coaching.tests.factories import PersonaFactory
from config.tests.account_lives import LATER, NOW, erased
from config.tests.canaries import CANARY, everywhere, redis_with, rows_with, through_the_api, with_canaries
from conversations import analytics_views, exports, exports_work, handoff
from conversations.account_data import ConversationsData
from conversations.models import Conversation, Handoff, Message
from conversations.outward import Export
from conversations.tests.factories import begin, say
from knowledge.ingestion import run
from knowledge.library import Shelf
from knowledge.models import DocumentVersion, Passage, PassageEmbedding
from knowledge.tests.ingesting import add

LIMITS = {"requests": "100/hour", "ai_turns": "50/hour 10/minute", "exports": "10/day"}


@pytest.fixture(autouse=True)
def _presence(settings: Any, redis_url: str) -> None:
    settings.PRESENCE_URL = redis_url


@pytest.fixture
def shared_buckets(settings: Any, redis_url: str) -> str:
    """Keep the quotas in Redis, as an installation does."""
    settings.QUOTAS_URL = redis_url
    settings.QUOTAS = dict.fromkeys(settings.QUOTAS, LIMITS)
    return redis_url


class TestTheRegistry:
    def test_answers_for_every_model_exactly_once(self) -> None:
        answers: dict[type[Model], list[str]] = {model: [] for model in apps.get_models()}
        for name, data in lifecycle.parts():
            for model in (*data.covers, *data.exempt):
                answers.setdefault(model, []).append(name)
        assert {model._meta.label: names for model, names in answers.items() if len(names) != 1} == {}

    def test_gives_a_reason_for_every_exemption(self) -> None:
        reasons = [reason for _, data in lifecycle.parts() for reason in data.exempt.values()]
        assert all(len(reason) > 5 for reason in reasons)

    def test_exempts_nothing_that_has_a_key_to_a_person(self) -> None:
        exempt = [model for _, data in lifecycle.parts() for model in data.exempt]
        keyed = [
            model._meta.label
            for model in exempt
            for field in model._meta.get_fields()
            if field.concrete and field.related_model is User
        ]
        assert keyed == []

    def test_erases_the_account_last(self) -> None:
        assert [name for name, _ in lifecycle.parts()] == [
            "conversations",
            "knowledge",
            "coaching",
            "accounts",
        ]


class TestAnErasedEducator:
    def test_is_nowhere_any_more(self, cast: Cast, redis_url: str, settings: Any) -> None:
        with_canaries(cast)
        through_the_api(cast)
        media = Path(settings.MEDIA_ROOT)
        planted = everywhere(CANARY, redis_url=redis_url, media=media)
        assert set(planted) == {"database", "files", "redis"}
        erased(cast.home.owner)
        assert everywhere(CANARY, redis_url=redis_url, media=media) == {}
        assert not User.objects.filter(pk=cast.home.owner.pk).exists()
        assert not TeamMembership.objects.filter(member_id=cast.home.owner.pk).exists()

    def test_leaves_no_bucket_in_redis(self, cast: Cast, shared_buckets: str) -> None:
        with_canaries(cast)
        quotas.take(member=cast.home.coach, kind=quotas.Kind.AI_TURNS)
        ada, ben = cast.home.owner.pk.hex, cast.home.coach.pk.hex
        assert f"quota:{{{ada}}}:ai_turns:3600" in redis_with(ada, shared_buckets)
        erased(cast.home.owner)
        assert redis_with(ada, shared_buckets) == []
        assert f"quota:{{{ben}}}:ai_turns:3600" in redis_with(ben, shared_buckets)

    def test_is_in_no_number_of_the_analytics(self, cast: Cast) -> None:
        with_canaries(cast)
        counted = rows_with(str(cast.home.owner.pk), only="analytics_")
        assert set(counted) == {"analytics_person_day", "analytics_spend_day"}
        erased(cast.home.owner)
        # What was paid becomes nobody's after that, and follows with the next refresh: an id without a person.
        assert rows_with(str(cast.home.owner.pk), only="analytics_") == ["analytics_spend_day"]
        analytics_views.refresh()
        assert rows_with(str(cast.home.owner.pk), only="analytics_") == []

    def test_takes_the_feedback_exports_along_that_name_them_and_no_other(self, cast: Cast) -> None:
        with_canaries(cast)
        counts = exports.ask(member=cast.home.admin, wanted=exports.Wanted("daily_counts", "csv"), now=NOW)
        exports_work.make(export_id=counts.pk, clock=lambda: NOW)
        erased(cast.home.owner)
        left = dict(Export.objects.values_list("requested_by__role", "state"))
        assert left == {"coach": "gone", "admin": "ready"}

    def test_leaves_a_record_without_content(self, cast: Cast) -> None:
        with_canaries(cast)
        audit.record(actor=cast.home.owner, action="looked", resource="page:1")
        before = AuditEvent.objects.count()
        asked = erased(cast.home.owner)
        assert AuditEvent.objects.count() == before + 3  # asked for, her key revoked, erased
        last = AuditEvent.objects.latest("sequence")
        assert (last.actor_id, last.action, last.resource) == (
            None,
            "account_erased",
            f"person:{asked.person_id}",
        )
        assert last.reason == (
            "conversations 1, exports 2, calls detached 1, sessions 1, invitations 1, mails 1, accounts 1"
        )
        assert audit.verify().intact
        assert (asked.state, asked.finished_at) == ("done", LATER)

    def test_keeps_the_organizations_costs_without_a_person(self, cast: Cast) -> None:
        with_canaries(cast)
        erased(cast.home.owner)
        run = PromptRun.objects.get(organization=cast.home.organization)
        # The record of sensitive acts knows whose request it was.
        assert (run.user, run.request_id) == (None, "")

    def test_leaves_everybody_else_alone(self, cast: Cast) -> None:
        with_canaries(cast)
        others = begin(cast.away.owner)
        say(cast.away.owner, others, "Nothing happens to this")
        erased(cast.home.owner)
        assert Message.objects.filter(conversation=others).count() == 2
        assert User.objects.count() == 7

    def test_is_erased_in_the_end_wherever_the_worker_dies(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch, redis_url: str, settings: Any
    ) -> None:
        with_canaries(cast)
        asked = data_requests.ask_for_erasure(actor=cast.home.owner, person=cast.home.owner, now=NOW)
        for dies_in in (ConversationsData, AccountsData):
            with monkeypatch.context() as dying:
                dying.setattr(dies_in, "erase", self.die)
                with pytest.raises(KeyboardInterrupt):
                    erasure.run(erasure_id=asked.pk, now=LATER)
            assert erasure.due(now=LATER) == []
            Erasure.objects.filter(pk=asked.pk).update(lease_until=NOW)
            assert erasure.due(now=LATER) == [asked.pk]
        assert erasure.run(erasure_id=asked.pk, now=LATER)
        assert not erasure.run(erasure_id=asked.pk, now=LATER)
        assert everywhere(CANARY, redis_url=redis_url, media=Path(settings.MEDIA_ROOT)) == {}
        assert AuditEvent.objects.filter(action="account_erased").count() == 1

    def die(self, *_arguments: object, **_named: object) -> dict[str, int]:
        """Stand in for a worker that is killed."""
        raise KeyboardInterrupt

    def test_that_fails_is_counted_told_and_tried_again(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        asked = data_requests.ask_for_erasure(actor=cast.home.owner, person=cast.home.owner, now=NOW)
        at = LATER
        with monkeypatch.context() as failing:
            failing.setattr(AccountsData, "erase", self.fail)
            for _ in range(7):
                with pytest.raises(ZeroDivisionError):
                    erasure.run(erasure_id=asked.pk, now=at)
                at += timedelta(minutes=11)
        asked.refresh_from_db()
        assert (asked.state, asked.attempts) == ("running", 7)
        assert [record.message for record in caplog.records].count("erasure_failed") == 7
        assert waiting_work.erasures(now=at) == Backlog(waiting=1, overdue=1, oldest_s=77 * 60)
        assert erasure.run(erasure_id=asked.pk, now=at)
        assert waiting_work.erasures(now=at) == Backlog(waiting=0, overdue=0, oldest_s=0)

    def fail(self, *_arguments: object, **_named: object) -> dict[str, int]:
        """Stand in for a fault."""
        raise ZeroDivisionError

    def test_waits_while_a_crisis_is_open(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "I want to die")
        asked = data_requests.ask_for_erasure(actor=cast.home.owner, person=cast.home.owner, now=NOW)
        assert not erasure.run(erasure_id=asked.pk, now=LATER)
        asked.refresh_from_db()
        cast.home.owner.refresh_from_db()
        assert (asked.state, asked.waits_for, asked.due_at) == (
            "scheduled",
            "open_crisis",
            LATER + timedelta(hours=1),
        )
        assert asked.attempts == 0
        assert cast.home.owner.is_active
        assert Message.objects.filter(conversation=conversation, sender_type="client").exists()
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=LATER)
        handoff.hand_back(coach=cast.home.coach, conversation_id=conversation.pk, now=LATER)
        assert erasure.run(erasure_id=asked.pk, now=asked.due_at)
        assert not Conversation.objects.exists()

    def test_stays_when_the_crisis_begins_while_the_erasure_runs(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "I want to die")
        asked = data_requests.ask_for_erasure(actor=cast.home.owner, person=cast.home.owner, now=NOW)
        monkeypatch.setattr(ConversationsData, "waits_for", lambda *_: "")
        assert not erasure.run(erasure_id=asked.pk, now=LATER)
        cast.home.owner.refresh_from_db()
        assert cast.home.owner.is_active
        assert Conversation.objects.filter(pk=conversation.pk).exists()
        assert self.recorded(cast.home.owner) == [
            ("person_reactivated", "the erasure waits: open_crisis"),
        ]

    @pytest.mark.parametrize("begins", ["before", "meanwhile"])
    def test_opens_no_account_that_an_administrator_closed(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch, begins: str
    ) -> None:
        ada = cast.home.owner
        say(ada, begin(ada), "I want to die")
        User.objects.filter(pk=ada.pk).update(is_active=False)
        asked = data_requests.ask_for_erasure(actor=cast.home.admin, person=ada, now=NOW)
        if begins == "meanwhile":
            monkeypatch.setattr(ConversationsData, "waits_for", lambda *_: "")
        assert not erasure.run(erasure_id=asked.pk, now=LATER)
        ada.refresh_from_db()
        asked.refresh_from_db()
        assert (ada.is_active, asked.state, asked.waits_for) == (False, "scheduled", "open_crisis")
        assert self.recorded(ada) == []

    def recorded(self, person: User) -> list[tuple[str, str]]:
        """Return what is on record about the person's account: action and reason."""
        found = AuditEvent.objects.filter(resource=audit.person(person), action__startswith="person_")
        return list(found.order_by("sequence").values_list("action", "reason"))


class TestAnErasedCoach:
    def test_goes_with_persona_team_documents_files_and_vectors(
        self, cast: Cast, redis_url: str, settings: Any, django_capture_on_commit_callbacks: Any
    ) -> None:
        ben = cast.home.coach
        PersonaFactory.create(coach=ben, name=f"Persona {CANARY}", instructions=CANARY)
        version = add(
            Shelf(cast.home.organization.pk, ben.pk), text=f"# {CANARY}\n\nThe {CANARY} sings early.\n"
        ).version
        run.ingest(version_id=version.pk)
        version.refresh_from_db()
        assert version.state == "ready"
        assert PassageEmbedding.objects.filter(coach=ben).exists()
        with django_capture_on_commit_callbacks(execute=True):
            erased(ben)
        assert everywhere(CANARY, redis_url=redis_url, media=Path(settings.MEDIA_ROOT)) == {}
        assert not DocumentVersion.objects.exists()
        assert not Passage.objects.exists()
        assert not PassageEmbedding.objects.exists()
        assert not Persona.objects.exists()
        assert not Team.objects.filter(coach_id=ben.pk).exists()

    def test_leaves_the_words_to_the_educator_and_takes_the_name(self, cast: Cast) -> None:
        ben, ada = cast.home.coach, cast.home.owner
        conversation = begin(ada)
        say(ada, conversation, "How do I begin?")
        handoff.say_as_coach(
            coach=ben, conversation_id=conversation.pk, client_id=uuid4(), text="Begin small.", now=NOW
        )
        erased(ben)
        said = Message.objects.filter(conversation=conversation)
        assert said.filter(content="Begin small.", sender=None, sender_type="human_coach").exists()
        assert not said.filter(content__contains="Ben Hart").exists()
        assert said.filter(content__startswith="A former coach has joined.").exists()
        conversation.refresh_from_db()
        assert (conversation.owner_state, conversation.coach_id, conversation.holder_id) == (
            "queued",
            None,
            None,
        )
        assert Handoff.objects.get().state == "queued"

    def test_keeps_what_the_organization_shares(self, cast: Cast) -> None:
        shared = add(Shelf(cast.home.organization.pk), member=cast.home.coach).version
        erased(cast.home.coach)
        shared.refresh_from_db()
        assert shared.document.added_by_id is None


class TestTheLastAdministrator:
    def test_is_not_erased(self, cast: Cast) -> None:
        with pytest.raises(LastAdministrator):
            data_requests.ask_for_erasure(actor=cast.home.admin, person=cast.home.admin, now=NOW)
        assert not Erasure.objects.exists()

    def test_is_not_erased_either_when_the_other_one_has_left_meanwhile(self, cast: Cast) -> None:
        second = User.objects.create_user(
            "second@riverside.example", name="Second", role="admin", organization=cast.home.organization
        )
        asked = data_requests.ask_for_erasure(actor=second, person=second, now=NOW)
        User.objects.filter(pk=cast.home.admin.pk).update(is_active=False)
        assert not erasure.run(erasure_id=asked.pk, now=LATER)
        asked.refresh_from_db()
        second.refresh_from_db()
        assert (asked.state, asked.waits_for, second.is_active) == ("scheduled", "last_administrator", True)
