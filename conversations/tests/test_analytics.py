"""The numbers of the analytics: counted right, for whom they are, and silent about fewer than five people."""

import re
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.access import NotVisible
from accounts.models import User
from accounts.tests.cast import Cast, House
from accounts.tests.factories import TeamFactory, UserFactory
from coaching.models import PromptRun
from conversations import analytics, analytics_views, tasks
from conversations.analytics import Period, overview, scope_of, topics
from conversations.analytics_charts import lying, standing
from conversations.analytics_masking import Count, masked
from conversations.models import Handoff
from conversations.tests.counting import FIRST, enlarged, talk

pytestmark = pytest.mark.django_db
OCTOBER = Period.of(FIRST, date(2026, 10, 31))
DASHBOARD = "/admin/analytics/?start=2026-10-01&end=2026-10-31"


@pytest.fixture
def team(home: House) -> list[User]:
    """Return six educators of Ben's team, Ada among them."""
    return enlarged(home)


def seen_by(member: User, **options: Any) -> analytics.Overview | None:
    """Return what a member sees of October, the views brought up to date."""
    assert analytics_views.refresh()
    return overview(scope=scope_of(member, **options), period=OCTOBER)


class TestAnOverview:
    def test_counts_what_was_said_and_by_how_many(self, home: House, team: list[User]) -> None:
        for number, person in enumerate(team):
            talk(person, score=1 if number else -1)
        talk(team[0], on=date(2026, 10, 2), domains=("assessment",))
        talk(team[0], on=date(2026, 11, 1))
        seen = seen_by(home.admin)
        assert seen is not None
        assert (seen.total_conversations, seen.total_messages, seen.active_users) == (7, 14, 6)
        assert seen.avg_satisfaction == 4.3
        assert [(count.name, count.value) for count in seen.top_domains] == []
        assert (seen.first_words, seen.whole_answer) == (
            analytics.Times(400, 400, 7),
            analytics.Times(2000, 2000, 7),
        )
        assert len(seen.daily_usage) == 31

    def test_names_the_domains_that_many_people_ask_about(self, home: House, team: list[User]) -> None:
        for person in team:
            talk(person)
            talk(person, domains=("assessment", "collaboration"))
        seen = seen_by(home.admin)
        assert seen is not None
        assert [(count.name, count.value) for count in seen.top_domains] == [
            ("collaboration", 12),
            ("assessment", 6),
        ]

    def test_of_four_people_is_not_shown(self, home: House, team: list[User]) -> None:
        for person in team[:4]:
            talk(person)
        assert seen_by(home.admin) is None

    def test_keeps_the_satisfaction_of_four_to_itself(self, home: House, team: list[User]) -> None:
        for number, person in enumerate(team):
            talk(person, score=-1 if number < 4 else 0)
        seen = seen_by(home.admin)
        assert seen is not None
        assert seen.avg_satisfaction is None

    def test_hides_a_day_of_few_and_one_more_so_that_no_sum_betrays_it(
        self, home: House, team: list[User]
    ) -> None:
        for person in team:
            talk(person, on=date(2026, 10, 1))
            talk(person, on=date(2026, 10, 2))
        talk(team[0], on=date(2026, 10, 3))
        seen = seen_by(home.admin)
        assert seen is not None
        assert [count.value for count in seen.daily_usage[:4]] == [None, 12, None, 0]

    def test_counts_nothing_of_another_organization(self, cast: Cast, team: list[User]) -> None:
        for person in team:
            talk(person)
        assert seen_by(cast.away.admin) is None


class TestWhoSeesWhat:
    def test_a_coach_sees_the_own_team_and_an_administrator_everybody(
        self, home: House, team: list[User]
    ) -> None:
        for person in (*team, home.admin):
            talk(person)
        coach, administrator = seen_by(home.coach), seen_by(home.admin)
        assert coach is not None
        assert administrator is not None
        assert (coach.active_users, administrator.active_users) == (6, 7)
        assert seen_by(home.other_coach) is None

    def test_nobody_looks_into_a_team_of_somebody_else(self, cast: Cast, team: list[User]) -> None:
        for member in (cast.home.other_coach, cast.away.coach, cast.away.admin):
            with pytest.raises(NotVisible):
                scope_of(member, team_id=cast.home.team.pk)

    def test_an_educator_sees_no_numbers(self, home: House) -> None:
        with pytest.raises(NotVisible):
            scope_of(home.owner)

    def test_an_administrator_may_look_at_one_team(self, home: House, team: list[User]) -> None:
        more = [UserFactory.create(organization=home.organization) for _ in range(5)]
        other = TeamFactory.create(organization=home.organization, coach=home.other_coach, members=more)
        for person in (*team, *more):
            talk(person)
        seen = seen_by(home.admin, team_id=other.pk)
        assert seen is not None
        assert seen.active_users == 5

    @pytest.mark.parametrize("verb", [analytics.spent_by_day, analytics.spent_by_person])
    def test_only_an_administrator_sees_the_bill(self, home: House, verb: Any) -> None:
        with pytest.raises(NotVisible):
            verb(member=home.coach, period=OCTOBER)


class TestWords:
    def test_of_five_people_are_shown_with_their_domain(self, home: House, team: list[User]) -> None:
        today = datetime.now(UTC).date()
        for person in team:
            talk(person, "How do we write rubrics for grading?", on=today, domains=("assessment",))
            talk(person, "How do we write norms for a meeting?", on=today)
        assert analytics_views.refresh()
        period = Period.of(today, today)
        found = topics(scope=scope_of(home.admin), period=period)
        assert [(topic.domain, topic.percentage, topic.count, topic.keywords) for topic in found] == [
            ("assessment", 50, 6, ["grading", "rubrics", "write"]),
            ("collaboration", 50, 6, ["meeting", "norms", "write"]),
        ]
        assert topics(scope=scope_of(home.coach), period=period)[0].keywords == [
            "grading",
            "rubrics",
            "write",
        ]

    def test_of_four_people_do_not_even_enter_the_view(self, home: House, team: list[User]) -> None:
        today = datetime.now(UTC).date()
        for person in team[:4]:
            talk(person, "My colleague Gwendolyn", on=today)
        assert self.words() == []

    def test_of_private_and_deleted_conversations_are_never_looked_at(
        self, home: House, team: list[User]
    ) -> None:
        today = datetime.now(UTC).date()
        for person in team:
            talk(person, "My secret worry", on=today, visibility="private")
            deleted = talk(person, "Another worry", on=today).conversation
            deleted.deleted_at = datetime.now(UTC)
            deleted.save()
        assert self.words() == []

    def words(self) -> list[str]:
        """Return every word that the database keeps."""
        assert analytics_views.refresh()
        return [word for (word,) in analytics_views.rows("SELECT word FROM analytics_keyword", {})]


class TestWaitingForAPerson:
    def test_is_counted_by_reason_and_timed(self, home: House, team: list[User]) -> None:
        at = datetime(2026, 10, 1, 10, tzinfo=UTC)
        turns = [talk(person) for person in team]
        for minutes, turn in enumerate([*turns, turns[0]]):
            Handoff.objects.create(
                conversation=turn.conversation,
                organization=home.organization,
                reason="crisis" if minutes == 6 else "client_request",
                state="returned",
                requested_at=at,
                taken_at=at + timedelta(minutes=minutes),
            )
        assert analytics_views.refresh()
        waiting = analytics.waiting(scope=scope_of(home.admin), period=OCTOBER)
        assert [(count.name, count.value) for count in waiting.reasons] == [
            ("The client asked", None),
            ("Crisis", None),
        ]
        assert waiting.times is not None
        assert (waiting.times.median_ms, waiting.times.cases) == (180_000, 7)
        assert waiting.minutes[0] == "3 minutes"


class TestTheBill:
    def test_is_made_out_by_day_and_by_person(self, home: House) -> None:
        for user, cost in ((home.owner, "0.02"), (home.owner, "0.03"), (home.coach, "0.10"), (None, "0.01")):
            PromptRun.objects.create(
                organization=home.organization,
                user=user,
                at=datetime(2026, 10, 5, 12, tzinfo=UTC),
                purpose="answer",
                provider="openai",
                model="gpt-4o",
                input_tokens=100,
                output_tokens=10,
                cost_usd=Decimal(cost),
                status="ok",
            )
        assert analytics_views.refresh()
        people = analytics.spent_by_person(member=home.admin, period=OCTOBER)
        assert [(each.name, each.calls, each.input_tokens, each.cost_usd) for each in people] == [
            ("Ben Hart", 1, 100, Decimal("0.10")),
            ("Ada Moss", 2, 200, Decimal("0.05")),
            (analytics.OF_NOBODY, 1, 100, Decimal("0.01")),
        ]
        days = analytics.spent_by_day(member=home.admin, period=OCTOBER)
        assert [(each.name, each.output_tokens, each.cost_usd) for each in days] == [
            ("2026-10-05", 40, Decimal("0.16"))
        ]


class TestThePage:
    def test_shows_charts_with_their_tables(self, client: Client, home: House, team: list[User]) -> None:
        for person in team:
            talk(person, score=1)
        tasks.refresh_analytics()
        client.force_login(home.admin)
        page = client.get(DASHBOARD).content.decode()
        assert len(re.findall(r'<rect class="bars__bar" x="[\d.]+" y="[\d.]+"', page)) == 32
        assert re.search(r"<dt>Active people</dt>\s*<dd>6</dd>", page)
        assert re.search(r'<th scope="row">2026-10-01</th>\s*<td>12</td>', page)
        assert re.search(r'<th scope="row">Collaboration</th>\s*<td>6</td>\s*<td>100 %</td>', page)
        assert "What it cost" in page

    def test_of_a_small_team_says_why_it_is_empty(self, client: Client, home: House) -> None:
        talk(home.owner)
        tasks.refresh_analytics()
        client.force_login(home.coach)
        page = client.get(DASHBOARD).content.decode()
        assert "Too few people to show numbers" in page
        assert "What it cost" not in page
        assert "<rect" not in page

    def test_does_not_exist_for_educators_and_strangers(self, client: Client, cast: Cast) -> None:
        client.force_login(cast.home.owner)
        assert client.get("/admin/analytics/").status_code == 404
        client.force_login(cast.away.coach)
        assert client.get(f"/admin/analytics/?team={cast.home.team.pk}").status_code == 404

    @pytest.mark.parametrize(
        "query", ["?start=never", "?team=x", "?start=2026-10-31&end=2026-10-01", "?start=1900-01-01"]
    )
    def test_takes_any_period(self, client: Client, home: House, query: str) -> None:
        client.force_login(home.admin)
        assert client.get(f"/admin/analytics/{query}").status_code == 200


class TestTheViews:
    def test_are_read_from_the_replica_where_there_is_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert analytics_views.alias() == "default"
        monkeypatch.setitem(connections.databases, "analytics", connections.databases["default"])
        assert analytics_views.alias() == "analytics"

    def test_are_refreshed_by_one_process_at_a_time(self, database_url: str) -> None:
        other = connections["default"].copy()
        with closing(other), other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [analytics_views._LOCK])
            assert not analytics_views.refresh()
            cursor.execute("SELECT pg_advisory_unlock(%s)", [analytics_views._LOCK])
            assert analytics_views.refresh()


class TestMasking:
    def test_hides_one_line_only_with_another(self) -> None:
        counts = [Count("a", 9, 90), Count("b", 4, 8), Count("c", 6, 12), Count("d", 0, 0)]
        assert [count.value for count in masked(counts)] == [90, None, None, 0]

    def test_leaves_large_ones_alone(self) -> None:
        counts = [Count("a", 5, 5), Count("b", 7, 9)]
        assert masked(counts) == counts

    def test_hides_several_small_ones_together(self) -> None:
        counts = [Count("a", 9, 90), Count("b", 4, 8), Count("c", 1, 2)]
        assert [count.value for count in masked(counts)] == [90, None, None]


class TestCharts:
    def test_stand_and_lie_in_proportion(self) -> None:
        counts = [Count("a", 9, 10), Count("b", 9, None), Count("c", 9, 5)]
        assert [(bar.y, bar.height) for bar in standing(counts).bars] == [(0, 160), (160, 0), (80, 80)]
        assert [bar.width for bar in lying(counts).bars] == [380, 0, 190]

    def test_of_nothing_are_empty(self) -> None:
        assert standing([]).bars == lying([]).bars == []
