"""Share links and numbers over the API: as the pages give them, to the same people."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEvent, SavedReply
from accounts.tests.api_caller import as_program
from accounts.tests.cast import Cast, House
from coaching.models import PromptRun
from conversations import analytics_views
from conversations.outward import ShareLink
from conversations.tests.counting import enlarged, talk
from conversations.tests.factories import add, begin
from conversations.tests.links import make, seen, told_conversation

pytestmark = pytest.mark.django_db
OCTOBER = "?start_date=2026-10-01&end_date=2026-10-31"


def share_of(conversation: Any) -> str:
    """Return the address under which a link is made."""
    return f"conversations/{conversation.pk}/share"


class TestALink:
    def test_opens_what_was_said_for_as_long_as_was_asked(self, home: House) -> None:
        conversation = begin(home.owner)
        add(conversation, "How do we begin?", by="client", sender=home.owner)
        made = as_program(home.owner)("POST", share_of(conversation), {"expires_in_days": 3})
        assert made.status == 201
        assert set(made.data) == {"share_url", "expires_at"}
        link = ShareLink.objects.get()
        assert (link.expires_at - link.created_at).days == 3
        page = Client().get(made.data["share_url"].partition("testserver")[2])
        assert "How do we begin?" in page.content.decode()
        assert AuditEvent.objects.filter(action="share.made", actor_id=home.owner.pk).count() == 1

    def test_is_the_same_under_the_same_key_and_kept_nowhere(self, home: House) -> None:
        conversation = begin(home.owner)
        add(conversation, "How do we begin?", by="client", sender=home.owner)
        api = as_program(home.owner)
        first, second = (api("POST", share_of(conversation), {}, idempotency_key="one") for _ in "ab")
        assert first.data["share_url"] == second.data["share_url"]
        assert not SavedReply.objects.exists()

    def test_under_a_known_key_does_not_grow_with_what_is_said_meanwhile(self, home: House) -> None:
        conversation = begin(home.owner)
        add(conversation, "How do we begin?", by="client", sender=home.owner)
        api = as_program(home.owner)
        first = api("POST", share_of(conversation), {}, idempotency_key="one")
        add(conversation, "And where do we end?", by="client", sender=home.owner)
        second = api("POST", share_of(conversation), {}, idempotency_key="one")
        assert first.data == second.data
        assert ShareLink.objects.get().last_sequence == 1

    def test_is_another_one_under_another_key_or_none(self, home: House) -> None:
        conversation = begin(home.owner)
        add(conversation, "How do we begin?", by="client", sender=home.owner)
        api = as_program(home.owner)
        keys: list[dict[str, str]] = [{"idempotency_key": "one"}, {"idempotency_key": "two"}, {}, {}]
        made = {api("POST", share_of(conversation), {}, **key).data["share_url"] for key in keys}
        assert len(made) == ShareLink.objects.count() == 4

    def test_of_an_empty_conversation_is_refused(self, home: House) -> None:
        refused = as_program(home.owner)("POST", share_of(begin(home.owner)), {})
        assert (refused.status, refused.code) == (409, "CONFLICT")
        assert not ShareLink.objects.exists()

    @pytest.mark.parametrize("days", [0, 91, "soon"])
    def test_lives_90_days_at_most(self, home: House, days: object) -> None:
        refused = as_program(home.owner)("POST", share_of(begin(home.owner)), {"expires_in_days": days})
        assert refused.status == 400

    def test_is_the_owner_s_alone_to_make(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        add(conversation, "How do we begin?", by="client", sender=cast.home.owner)
        for member in (cast.home.coach, cast.home.admin, cast.away.owner):
            refused = as_program(member)("POST", share_of(conversation), {})
            assert (refused.status, refused.code) == (404, "NOT_FOUND")
        assert not ShareLink.objects.exists()


class TestTheLinks:
    @pytest.fixture
    def link(self, home: House) -> ShareLink:
        """Return a link of the owner's."""
        make(home.owner, told_conversation(home.owner))
        return ShareLink.objects.get()

    def test_are_listed_without_what_opens_them(self, home: House, link: ShareLink) -> None:
        told_conversation(home.owner)
        api = as_program(home.owner)
        (row,) = api("GET", share_of(link.conversation)).data["links"]
        assert (row["id"], row["conversation_id"]) == (str(link.pk), str(link.conversation_id))
        assert (row["first_sequence"], row["last_sequence"], row["views"]) == (1, 5, 0)
        assert link.token_hash not in str(row)
        assert api("GET", "links").data == {"links": [row]}

    def test_are_listed_in_pages(self, home: House, link: ShareLink) -> None:
        make(home.owner, link.conversation)
        api = as_program(home.owner)
        for address in ("links", share_of(link.conversation)):
            newer = api("GET", f"{address}?limit=1")
            older = api("GET", f"{address}?limit=1&cursor={newer.meta['next_cursor']}")
            assert [each["id"] for each in older.data["links"]] == [str(link.pk)]
            assert older.meta["next_cursor"] is None
            whole = api("GET", address).data["links"]
            assert whole == newer.data["links"] + older.data["links"]

    def test_are_revoked_for_good_and_on_record(self, home: House) -> None:
        token = make(home.owner, told_conversation(home.owner))
        link = ShareLink.objects.get()
        api = as_program(home.owner)
        assert seen(token).status_code == 200
        for _ in "ab":
            gone = api("DELETE", f"{share_of(link.conversation)}/{link.pk}")
            assert (gone.status, gone.data) == (200, {"message": "Link revoked successfully"})
        assert seen(token).status_code == 404
        assert api("GET", "links").data == {"links": []}
        assert AuditEvent.objects.filter(action="share.revoked", actor_id=home.owner.pk).count() == 1

    def test_of_somebody_else_are_as_missing(self, cast: Cast, home: House, link: ShareLink) -> None:
        for member in (home.coach, home.other_coach, home.admin, cast.away.owner):
            api = as_program(member)
            there = (
                api("GET", share_of(link.conversation)),
                api("DELETE", f"{share_of(link.conversation)}/{link.pk}"),
            )
            nowhere = (
                api("GET", f"conversations/{uuid4()}/share"),
                api("DELETE", f"conversations/{uuid4()}/share/{uuid4()}"),
            )
            assert [each.error for each in there] == [each.error for each in nowhere]
            assert {each.status for each in there} == {404}
            assert api("GET", "links").data == {"links": []}
        link.refresh_from_db()
        assert link.revoked_at is None

    def test_of_another_conversation_of_the_own_are_as_missing(self, home: House, link: ShareLink) -> None:
        other = told_conversation(home.owner)
        assert as_program(home.owner)("DELETE", f"{share_of(other)}/{link.pk}").status == 404
        link.refresh_from_db()
        assert link.revoked_at is None

    def test_are_not_revoked_with_a_key_that_only_reads(self, home: House, link: ShareLink) -> None:
        api = as_program(home.owner, "read")
        assert api("DELETE", f"{share_of(link.conversation)}/{link.pk}").status == 403
        assert len(api("GET", "links").data["links"]) == 1


class TestNumbers:
    @pytest.fixture
    def counted(self, home: House) -> None:
        for number, person in enumerate(enlarged(home)):
            talk(person, score=1 if number else -1)
        analytics_views.refresh()

    @pytest.mark.parametrize("path", ["analytics/overview", "analytics/topics"])
    def test_of_the_organization_need_a_key_for_what_is_about_others(self, home: House, path: str) -> None:
        refused = as_program(home.admin, "read", "write")("GET", path)
        assert (refused.status, refused.code) == (403, "FORBIDDEN")
        assert as_program(home.admin, "read", "admin")("GET", path).status == 200
        assert as_program(home.coach, "read")("GET", path).status == 200

    @pytest.mark.usefixtures("counted")
    def test_are_those_of_the_page(self, home: House) -> None:
        for member in (home.coach, home.admin):
            seen = as_program(member)("GET", f"analytics/overview{OCTOBER}")
            assert seen.status == 200
            daily = seen.data.pop("daily_usage")
            assert seen.data == {
                "total_conversations": 6,
                "total_messages": 12,
                "active_users": 6,
                "avg_satisfaction": 4.3,
                "top_domains": [{"domain": "collaboration", "count": 6}],
            }
            assert daily[0] == {"date": "2026-10-01", "messages": 12}
            assert len(daily) == 31
            assert (seen.meta["start_date"], seen.meta["fewest_people"]) == ("2026-10-01", 5)
            shares = as_program(member)("GET", f"analytics/topics{OCTOBER}").data["topics"]
            assert [(each["domain"], each["percentage"], each["count"]) for each in shares] == [
                ("collaboration", 100, 6)
            ]
            assert set(shares[0]) == {"domain", "percentage", "count", "top_keywords"}

    @pytest.mark.usefixtures("counted")
    def test_say_how_long_people_waited_and_for_what(self, home: House) -> None:
        for member in (home.coach, home.admin):
            seen = as_program(member)("GET", f"analytics/waiting{OCTOBER}")
            assert seen.data == {
                "first_words": {"median_ms": 400, "slowest_ms": 400, "cases": 6},
                "whole_answer": {"median_ms": 2000, "slowest_ms": 2000, "cases": 6},
                "person": None,
                "reasons": [],
            }
            assert (seen.meta["end_date"], seen.meta["fewest_people"]) == ("2026-10-31", 5)

    def test_say_what_the_answers_cost_to_an_administrator_s_key_alone(self, home: House) -> None:
        PromptRun.objects.create(
            organization=home.organization,
            user=home.owner,
            at=datetime(2026, 10, 1, 9, tzinfo=UTC),
            purpose="answer",
            provider="openai",
            model="gpt-4o",
            input_tokens=900,
            output_tokens=100,
            cost_usd=Decimal("0.0125"),
            status="ok",
        )
        analytics_views.refresh()
        counted = {"calls": 1, "input_tokens": 900, "output_tokens": 100, "cost_usd": "0.012500"}
        assert as_program(home.admin)("GET", f"analytics/spending{OCTOBER}").data == {
            "by_day": [{"name": "2026-10-01", **counted}],
            "by_person": [{"name": "Ada Moss", **counted}],
            "together": {"name": "Together", **counted},
        }
        for scopes in (["read"], ["read", "write", "admin"], ["organization"]):
            assert as_program(home.admin, *scopes)("GET", f"analytics/spending{OCTOBER}").status == 403
        assert as_program(home.coach)("GET", f"analytics/spending{OCTOBER}").status == 403

    def test_of_few_people_are_null(self, home: House) -> None:
        talk(home.owner)
        analytics_views.refresh()
        seen = as_program(home.admin)("GET", f"analytics/overview{OCTOBER}")
        assert seen.data == {
            **dict.fromkeys(("total_conversations", "total_messages", "active_users", "avg_satisfaction")),
            "top_domains": [],
            "daily_usage": [],
        }
        assert as_program(home.admin)("GET", f"analytics/topics{OCTOBER}").data == {"topics": []}
        assert as_program(home.admin)("GET", f"analytics/waiting{OCTOBER}").data == {
            **dict.fromkeys(("first_words", "whole_answer", "person")),
            "reasons": [],
        }

    @pytest.mark.parametrize("days", ["start_date=2026-10-02&end_date=2026-10-01", "start_date=2190-01-01"])
    def test_of_no_day_at_all_are_refused_and_not_turned_round(self, home: House, days: str) -> None:
        for path in ("overview", "topics", "waiting", "spending"):
            found = as_program(home.admin)("GET", f"analytics/{path}?{days}")
            assert (found.status, found.code) == (400, "INVALID_INPUT")
            assert found.error is not None
            assert found.error["details"] == {"end_date": ["It comes before start_date."]}

    def test_of_more_than_a_year_are_those_of_its_last_year_and_say_so(self, home: House) -> None:
        found = as_program(home.admin)("GET", "analytics/overview?start_date=2020-01-01&end_date=2026-10-31")
        assert found.status == 200
        assert (found.meta["start_date"], found.meta["end_date"]) == ("2025-10-31", "2026-10-31")

    def test_are_not_for_educators_nor_of_teams_elsewhere(self, cast: Cast) -> None:
        for path in ("analytics/overview", "analytics/topics", "analytics/waiting"):
            assert as_program(cast.home.owner)("GET", path).status == 404
            for team in (cast.away.team.pk, uuid4()):
                assert as_program(cast.home.admin)("GET", f"{path}?team_id={team}").status == 404
                assert as_program(cast.home.coach)("GET", f"{path}?team_id={team}").status == 404
            assert as_program(cast.home.coach)("GET", f"{path}?team_id=mine").status == 400
