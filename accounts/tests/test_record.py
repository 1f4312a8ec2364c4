"""The record as administrators read it, and the verification of its chain."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts import audit, chain, record
from accounts.models import AuditEvent, ChainCheck, User
from accounts.tasks import check_chain
from accounts.tests.browsing import as_
from accounts.tests.cast import Cast, House
from accounts.tests.factories import UserFactory

pytestmark = [
    pytest.mark.usefixtures("accounts_alone", "generated_menu"),
    pytest.mark.django_db,
]

PAGE = "/admin/accounts/auditevent/"
VERIFY = f"{PAGE}verify/"
HTMX = {"HX-Request": "true"}
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@contextmanager
def bypassing_triggers() -> Iterator[Any]:
    """Do what only a superuser of the database can do."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor
        cursor.execute("SET LOCAL session_replication_role = origin")


def done(actor: User | None, action: str, resource: str = "page:1", at: datetime = NOW) -> AuditEvent:
    """Record something that was done at a time."""
    return AuditEvent.objects.create(
        actor_id=actor.pk if actor else None,
        organization_id=actor.organization_id if actor else None,
        action=action,
        resource=resource,
        at=at,
    )


def found(member: User, **wanted: Any) -> list[str]:
    """Return the resources of the events that the page lists."""
    return [event.resource for event in as_(member).get(PAGE, wanted).context["cl"].result_list]


class TestFilters:
    def test_find_who_did_it_by_name_address_or_nobody(self, home: House) -> None:
        done(home.owner, "looked", "page:ada")
        done(home.coach, "looked", "page:ben")
        audit.record(actor=None, action="looked", resource="page:none", organization_id=home.organization.pk)
        assert found(home.admin, who="moss") == ["page:ada"]
        assert found(home.admin, who="BEN@riverside") == ["page:ben"]
        assert found(home.admin, who="nobody") == ["page:none"]
        assert found(home.admin, who="hillside") == []

    def test_find_what_was_done(self, home: House) -> None:
        done(home.owner, "looked", "page:1")
        done(home.owner, "conversation.read", "page:2")
        page = as_(home.admin).get(PAGE, {"action": "conversation.read"})
        assert [event.resource for event in page.context["cl"].result_list] == ["page:2"]
        assert page.context["form"].fields["action"].choices == [
            ("", "Anything"),
            ("conversation.read", "Conversation read"),
            ("looked", "Looked"),
        ]

    def test_find_to_what_by_kind_or_as_a_whole(self, home: House) -> None:
        whole = f"person:{home.owner.pk}"
        done(home.admin, "looked", whole)
        done(home.admin, "looked", f"person:{home.coach.pk}")
        done(home.admin, "looked", "page:1")
        assert found(home.admin, resource=whole) == [whole]
        assert found(home.admin, resource="person:") == [f"person:{home.coach.pk}", whole]

    def test_find_when_with_both_days_included(self, home: House) -> None:
        for day in (1, 2, 3, 4):
            done(home.owner, "looked", f"page:{day}", at=datetime(2026, 3, day, 23, 59, tzinfo=UTC))
        assert found(home.admin, since="2026-03-02", until="2026-03-03") == ["page:3", "page:2"]

    def test_that_make_no_sense_are_named_and_left_out(self, home: House) -> None:
        done(home.owner, "looked", "page:1")
        page = as_(home.admin).get(PAGE, {"since": "yesterday", "action": "flown", "before": "x"})
        assert [event.resource for event in page.context["cl"].result_list] == ["page:1"]
        assert set(page.context["form"].errors) == {"since", "action"}
        assert page.status_code == 200

    def test_stay_inside_the_organization(self, cast: Cast) -> None:
        done(cast.home.owner, "looked", "page:ours")
        done(cast.away.owner, "flew", "page:theirs")
        page = as_(cast.home.admin).get(PAGE)
        assert [event.resource for event in page.context["cl"].result_list] == ["page:ours"]
        assert ("flew", "Flew") not in page.context["form"].fields["action"].choices
        for wanted in ({"resource": "page:"}, {"who": "Amir"}, {"action": "flew"}):
            assert "page:theirs" not in found(cast.home.admin, **wanted)
        staff = UserFactory.create(staff=True)
        assert found(staff) == ["page:theirs", "page:ours"]

    def test_tell_of_no_conversation_which_it_was(self, home: House) -> None:
        conversation = uuid4()
        shared = done(home.owner, "share.made", f"conversation:{conversation}")
        done(home.coach, "conversation.taken_over", f"conversation:{conversation}")
        browser = as_(home.admin)
        for address in (PAGE, f"{PAGE}{shared.pk}/change/"):
            assert str(conversation) not in browser.get(address).content.decode()
        assert found(home.admin, resource="conversation:") == ["conversation:", "conversation:"]
        for guess in (str(conversation), str(conversation)[:4]):
            assert found(home.admin, resource=f"conversation:{guess}") == []

    def test_show_names_in_place_of_ids_and_nothing_as_markup(self, home: House) -> None:
        User.objects.filter(pk=home.owner.pk).update(name="<b>Ada</b>")
        done(home.admin, "person_role_changed", f"person:{home.owner.pk}")
        text = as_(home.admin).get(PAGE).content.decode()
        assert "Person role changed" in text
        assert "&lt;b&gt;Ada&lt;/b&gt;" in text
        assert "<b>Ada" not in text


class TestPages:
    def test_follow_each_other_without_a_gap_or_a_shift(self, home: House) -> None:
        events = [done(home.owner, "looked", f"page:{n}") for n in range(2 * record.EVENTS_A_PAGE + 1)]
        names = [event.resource for event in reversed(events)]
        client = as_(home.admin)
        first = client.get(PAGE, {"action": "looked"})
        done(home.owner, "looked", "page:late")
        second = client.get(PAGE, {"action": "looked", "before": first.context["cl"].older})
        third = client.get(PAGE, {"action": "looked", "before": second.context["cl"].older})
        read = [page.context["cl"].result_list for page in (first, second, third)]
        assert [event.resource for events in read for event in events] == names
        assert (first.context["cl"].newer, third.context["cl"].older) == (None, None)
        back = client.get(PAGE, {"action": "looked", "after": third.context["cl"].newer})
        assert back.context["cl"].result_list == read[1]
        assert f"action=looked&amp;before={back.context['cl'].older}" in back.content.decode()

    def test_cost_as_many_queries_for_fifty_as_for_one(
        self, home: House, django_assert_num_queries: Any
    ) -> None:
        done(home.owner, "looked")
        with django_assert_num_queries(2):
            record.page(home.admin, record.Wanted())
        for _ in range(60):
            done(home.coach, "looked", f"person:{home.owner.pk}")
        with django_assert_num_queries(2):
            assert len(record.page(home.admin, record.Wanted()).lines) == 50

    def test_are_for_administrators(self, home: House) -> None:
        assert as_(home.coach).get(PAGE).status_code == 403
        assert as_(home.coach).post(VERIFY).status_code == 403
        assert as_(home.owner).get(PAGE, follow=True).status_code == 404
        assert ChainCheck.objects.count() == 0


class TestVerifyNow:
    def test_is_asked_for_once_done_by_a_worker_and_shown(self, home: House) -> None:
        client = as_(home.admin)
        assert "It has not been checked yet." in client.get(PAGE).content.decode()
        client.post(VERIFY)
        fragment = client.post(VERIFY, headers=HTMX).content.decode()
        assert fragment.lstrip().startswith('<section id="chain"')
        assert "every 2s" in fragment
        assert [check.asked_by for check in ChainCheck.objects.all()] == [home.admin.pk]
        check_chain()
        fragment = client.get(PAGE, headers=HTMX).content.decode()
        assert "Every row is as it was written and none is missing." in fragment
        assert "every 2s" not in fragment

    def test_says_which_row_was_edited(self, home: House) -> None:
        events = [done(home.owner, "looked", f"page:{n}") for n in range(3)]
        with bypassing_triggers() as cursor:
            cursor.execute(
                "UPDATE accounts_auditevent SET action = 'nothing' WHERE sequence = %s", [events[1].sequence]
            )
        client = as_(home.admin)
        client.post(VERIFY)
        check_chain()
        assert f"Row {events[1].sequence} is not as it was written" in client.get(PAGE).content.decode()

    def test_notices_that_the_newest_rows_are_gone(self, home: House) -> None:
        events = [done(home.owner, "looked", f"page:{n}") for n in range(3)]
        assert chain.verify(now=NOW).broken_at is None
        with bypassing_triggers() as cursor:
            cursor.execute("DELETE FROM accounts_auditevent WHERE sequence = %s", [events[2].sequence])
        assert audit.verify().intact
        assert chain.verify(now=NOW).broken_at == events[2].sequence

    def test_goes_on_noticing_it_however_often_it_looks_and_whatever_is_added(self, home: House) -> None:
        events = [done(home.owner, "looked", f"page:{n}") for n in range(3)]
        chain.verify(now=NOW)
        with bypassing_triggers() as cursor:
            cursor.execute("DELETE FROM accounts_auditevent WHERE sequence = %s", [events[2].sequence])
        found = []
        for _ in range(3):
            found.append(chain.verify(now=NOW).broken_at)
            done(home.owner, "looked")
        assert found == [events[2].sequence] * 3
        page = as_(home.admin).get(PAGE).content.decode()
        assert f"Row {events[2].sequence} is not as it was written, or a row beside it is gone" in page
        assert chain.is_broken()

    def test_needs_a_post(self, home: House) -> None:
        assert as_(home.admin).get(VERIFY).status_code == 405
        assert ChainCheck.objects.count() == 0

    def test_tells_only_staff_how_long_the_record_of_everybody_is(self, home: House) -> None:
        done(home.owner, "looked")
        chain.verify(now=NOW)
        assert "1 row." not in as_(home.admin).get(PAGE).content.decode()
        assert "1 row." in as_(UserFactory.create(staff=True)).get(PAGE).content.decode()


class TestTheClock:
    def test_has_the_record_verified_once_a_day(self, db: None) -> None:
        assert chain.do_what_is_due(now=NOW) is not None
        assert chain.do_what_is_due(now=NOW + timedelta(hours=23)) is None
        assert chain.do_what_is_due(now=NOW + timedelta(days=1)) is not None
        assert ChainCheck.objects.count() == 2


class TestTheCommand:
    def run(self) -> str:
        """Run the command and return what it printed."""
        out = StringIO()
        call_command("audit", "verify", stdout=out, no_color=True)
        return out.getvalue()

    def test_prints_what_it_checked(self, home: House) -> None:
        events = [done(home.owner, "looked", f"page:{n}") for n in range(2)]
        first, last = events[0].sequence, events[1].sequence
        newest = AuditEvent.objects.get(pk=last).hash
        assert self.run().splitlines() == [
            "Never checked before: the removal of the newest rows would not be noticed.",
            f"Rows checked: 2, from row {first} of 2026-03-02 09:00 UTC to row {last}.",
            "Whole: every row is as it was written, and none is missing.",
            f"The newest row's hash, to compare elsewhere: {newest}",
        ]
        today = timezone.now().strftime("%Y-%m-%d")
        assert self.run().startswith(f"Checked before: {today}")

    def test_has_nothing_to_say_against_an_empty_record(self, db: None) -> None:
        assert "Rows checked: 0.\n" in self.run()

    def test_exits_with_one_when_a_row_does_not_fit(self, home: House) -> None:
        events = [done(home.owner, "looked", f"page:{n}") for n in range(3)]
        with bypassing_triggers() as cursor:
            cursor.execute("DELETE FROM accounts_auditevent WHERE sequence = %s", [events[1].sequence])
        with pytest.raises(CommandError, match=f"Broken at row {events[2].sequence}") as broken:
            self.run()
        assert broken.value.returncode == 1

    def test_needs_to_be_told_what_to_do(self) -> None:
        with pytest.raises(CommandError, match="the following arguments are required: verify"):
            call_command("audit")
