"""An organization that is erased: nothing of it is left anywhere, and the one beside it is as it was."""

from collections import Counter
from collections.abc import Callable
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, models
from django.utils.module_loading import import_string

from accounts import audit
from accounts.models import AuditEvent, MonthlyUse, Organization, OrganizationDomain, User
from accounts.tests.browsing import as_
from accounts.tests.cast import Cast
from coaching.tests.factories import PersonaFactory
from config.tests.account_lives import NOW
from config.tests.canaries import CANARY, everywhere, rows_with, through_the_api, with_canaries
from conversations import analytics_views
from conversations.models import Conversation
from conversations.tests.factories import begin, say
from knowledge.ingestion import run
from knowledge.library import Shelf
from knowledge.tests.ingesting import add

Stores = Callable[[], dict[str, list[str]]]

NAME = f"Riverside {CANARY}"


@pytest.fixture(autouse=True)
def _presence(settings: Any, redis_url: str) -> None:
    settings.PRESENCE_URL = redis_url


@pytest.fixture
def stores(redis_url: str) -> Stores:
    """Return what tells where the canary stands now, by kind of store."""
    return lambda: everywhere(CANARY, redis_url=redis_url, media=Path(settings.MEDIA_ROOT))


def erase(*arguments: str) -> str:
    """Run the command for Riverside and return what it writes."""
    out = StringIO()
    call_command("erase_organization", NAME, *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> int:
    """Run the command and return the exit code with which it gives up."""
    with pytest.raises(CommandError) as failure:
        erase(*arguments)
    return failure.value.returncode


@pytest.fixture
def named(cast: Cast) -> Organization:
    """Return an organization in which something was said and a document waits."""
    house = cast.home
    Organization.objects.filter(pk=house.organization.pk).update(name=NAME)
    say(house.owner, begin(house.owner), "How do we begin?")
    add(Shelf(house.organization.pk), text=f"# {CANARY}\n\nThe {CANARY} sings early.\n")
    house.organization.refresh_from_db()
    return house.organization


@pytest.fixture
def riverside(cast: Cast, named: Organization, _presence: None) -> Organization:
    """Return an organization with the canary in everything that its people can write, be or have made."""
    PersonaFactory.create(coach=cast.home.coach, name=CANARY)
    with_canaries(cast)
    return named


def with_a_library(cast: Cast) -> None:
    """Give both organizations what they have of their own beside people: documents of each coach, totals, domains."""
    for house in (cast.home, cast.away):
        organization = house.organization
        MonthlyUse.objects.create(organization=organization, month=NOW.date().replace(day=1))
        OrganizationDomain.objects.create(organization=organization, domain=f"{house.coach.pk}.example")
        text = f"# Singing\n\nThe {CANARY if house is cast.home else organization.pk} sings early.\n"
        run.ingest(version_id=add(Shelf(organization.pk, house.coach.pk), text=text).version.pk)
    PersonaFactory.create(coach=cast.away.coach)
    say(cast.away.owner, begin(cast.away.owner), "And here?")
    analytics_views.refresh()


def of_hillside(cast: Cast) -> Counter[str]:
    """Return every row of every table and view that names the other organization or one of its people."""
    ids = [str(each.pk) for each in (cast.away.organization, *cast.away.everybody)]
    rows: Counter[str] = Counter()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor, include_views=True):
            named = f'SELECT each::text FROM "{table}" AS each WHERE each::text ILIKE ANY (%s)'  # noqa: S608 -- names of our own tables
            cursor.execute(named, [[f"%{key}%" for key in ids]])
            rows.update(f"{table} {row}" for (row,) in cursor.fetchall())
    return rows


def test_whatever_does_not_go_with_the_row_of_its_organization_is_erased_before_it() -> None:
    # Whoever adds a model here erases it in the ORGANIZATION_DATA of its app, and plants it in this file.
    assert {
        model._meta.label
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.related_model is Organization
        if field.remote_field.on_delete is not models.CASCADE
    } == {"accounts.User", "coaching.PromptRun", "conversations.Conversation", "conversations.Handoff"}


class TestAnErasedOrganization:
    def test_is_nowhere_any_more_and_the_one_beside_it_is_as_it_was(
        self,
        cast: Cast,
        riverside: Organization,
        stores: Stores,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        with_a_library(cast)
        through_the_api(cast)
        assert set(stores()) == {"database", "files", "redis"}
        before = of_hillside(cast)
        assert {row.partition(" ")[0] for row in before} >= {
            *("accounts_user", "accounts_team", "accounts_organizationdomain", "accounts_monthlyuse"),
            *("conversations_conversation", "knowledge_passageembedding", "coaching_persona"),
            "analytics_person_day",
        }
        with django_capture_on_commit_callbacks(execute=True):
            told = erase("--yes", NAME)
        assert stores() == {}
        for each in (riverside, *cast.home.everybody):
            assert set(rows_with(str(each.pk))) <= {"accounts_auditevent"}
        assert of_hillside(cast) == before
        assert told.endswith(f"The organization {riverside.pk} is erased.\n")

    def test_leaves_the_record_without_content_and_its_chain_whole(
        self, cast: Cast, riverside: Organization
    ) -> None:
        acts = AuditEvent.objects.count()
        erase("--yes", NAME)
        assert AuditEvent.objects.count() > acts
        last = AuditEvent.objects.latest("sequence")
        assert (last.actor_id, last.action, last.resource, last.reason) == (
            None,
            "organization_erased",
            f"organization:{riverside.pk}",
            "exports 2, conversations 2, documents 1, personas 1, provider calls 1, sums set aside 2, "
            "daily budgets 1, accounts 4",
        )
        assert audit.verify().intact

    @pytest.mark.parametrize("part", settings.ORGANIZATION_DATA)
    def test_is_erased_in_the_end_wherever_the_command_is_killed(
        self,
        part: str,
        riverside: Organization,
        stores: Stores,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        data = import_string(part)
        pieces = data.erase

        def dies_after_a_piece(*arguments: Any, **named: Any) -> Any:
            yield from islice(pieces(*arguments, **named), 1)
            raise KeyboardInterrupt

        with django_capture_on_commit_callbacks(execute=True):
            monkeypatch.setattr(data, "erase", dies_after_a_piece)
            with pytest.raises(KeyboardInterrupt):
                erase("--yes", NAME)
            monkeypatch.setattr(data, "erase", pieces)
            assert "going on." in erase("--yes", NAME)
        assert stores() == {}
        assert rows_with(str(riverside.pk)) == ["accounts_auditevent"]

    def test_lets_nobody_in_while_it_goes(
        self, cast: Cast, named: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        browser = as_(cast.home.admin)
        assert browser.get("/settings/").status_code == 200
        monkeypatch.setattr("conversations.organization_data.OrganizationConversations.erase", self.die)
        with pytest.raises(KeyboardInterrupt):
            erase("--yes", NAME)
        assert browser.get("/settings/").status_code == 302
        assert not User.objects.filter(organization=named, is_active=True).exists()

    def die(self, *_arguments: object, **_named: object) -> Any:
        """Stand in for a command that is killed."""
        raise KeyboardInterrupt


class TestTheCommand:
    def test_says_what_would_go_and_writes_nothing(self, cast: Cast, named: Organization) -> None:
        acts = AuditEvent.objects.count()
        told = [line.split() for line in erase("--dry-run").splitlines()]
        assert [" ".join(line) for line in told if line[-3] != "0"] == [
            "conversations 1 would go",
            "messages 2 would go",
            "documents 1 would go",
            "versions 1 would go",
            "sums set aside 1 would go",
            "daily budgets 1 would go",
            "accounts 4 would go",
            "teams 2 would go",
        ]
        named.refresh_from_db()
        assert (named.closed_at, AuditEvent.objects.count()) == (None, acts)

    @pytest.mark.parametrize("typed", ["Riverside", "", NAME.lower()])
    def test_asks_for_the_whole_name(
        self, typed: str, named: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("builtins.input", lambda _question: typed)
        assert (refused(), refused("--yes", typed)) == (2, 2)
        named.refresh_from_db()
        assert named.closed_at is None

    def test_takes_the_name_that_somebody_types(
        self, named: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("builtins.input", lambda _question: NAME)
        erase()
        assert not Organization.objects.filter(pk=named.pk).exists()
        assert refused("--yes", NAME) == 2

    def test_finds_nothing_left_where_another_was_faster_than_who_types(
        self, named: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def typed_late(_question: str) -> str:
            erase("--yes", NAME)
            return NAME

        monkeypatch.setattr("builtins.input", typed_late)
        assert erase().endswith(f"The organization {named.pk} is erased.\n")
        assert AuditEvent.objects.filter(action="organization_erased").count() == 1

    @pytest.mark.parametrize("seen", [True, False])
    def test_is_to_be_given_again_where_something_came_in_late(
        self, seen: bool, cast: Cast, named: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def comes_in_late(*_arguments: object, **_named: object) -> Any:
            begin(cast.home.owner)
            if not seen:
                raise IntegrityError("named by a row that was committed a moment before")
            yield from ()

        with monkeypatch.context() as patched:
            patched.setattr("conversations.organization_data.OrganizationNumbers.erase", comes_in_late)
            assert refused("--yes", NAME) == 1
        erase("--yes", NAME)
        assert not Organization.objects.filter(pk=named.pk).exists()

    def test_waits_for_a_crisis_unless_it_is_told_not_to(self, cast: Cast, named: Organization) -> None:
        say(cast.home.owner, Conversation.objects.filter(owner=cast.home.owner).latest("pk"), "I want to die")
        assert refused("--yes", NAME) == 3
        named.refresh_from_db()
        assert (named.closed_at, User.objects.filter(is_active=False).count()) == (None, 0)
        erase("--yes", NAME, "--even-in-a-crisis")
        assert not Conversation.objects.filter(organization=named).exists()
