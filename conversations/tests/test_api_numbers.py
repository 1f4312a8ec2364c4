"""Share links and numbers over the API: as the pages give them, to the same people."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEvent
from accounts.tests.api_caller import as_program
from accounts.tests.cast import Cast, House
from conversations import analytics_views
from conversations.outward import ShareLink
from conversations.tests.counting import enlarged, talk
from conversations.tests.factories import add, begin

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

    def test_is_made_anew_under_the_same_key_and_kept_nowhere(self, home: House) -> None:
        conversation = begin(home.owner)
        add(conversation, "How do we begin?", by="client", sender=home.owner)
        api = as_program(home.owner)
        first, second = (api("POST", share_of(conversation), {}, idempotency_key="one") for _ in "ab")
        assert first.data["share_url"] != second.data["share_url"]

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


class TestNumbers:
    @pytest.fixture
    def counted(self, home: House) -> None:
        for number, person in enumerate(enlarged(home)):
            talk(person, score=1 if number else -1)
        analytics_views.refresh()

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

    def test_are_not_for_educators_nor_of_teams_elsewhere(self, cast: Cast) -> None:
        for path in ("analytics/overview", "analytics/topics"):
            assert as_program(cast.home.owner)("GET", path).status == 404
            for team in (cast.away.team.pk, uuid4()):
                assert as_program(cast.home.admin)("GET", f"{path}?team_id={team}").status == 404
                assert as_program(cast.home.coach)("GET", f"{path}?team_id={team}").status == 404
            assert as_program(cast.home.coach)("GET", f"{path}?team_id=mine").status == 400
