"""How the coaching is used: numbers for a coach about the own teams, for an administrator about the organization.

Never a word of anybody, and never a number that stands on fewer than five people. `docs/analytics.md` says how
each is counted. Days are those of UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts import access
from accounts.access import NotVisible
from accounts.models import Team, User
from accounts.quotas import duration
from conversations.analytics_masking import FEWEST, Count, masked
from conversations.analytics_views import rows
from conversations.models import Handoff
from knowledge.models import Domain

LONGEST_DAYS = 366
MOST_KEYWORDS = 5
_NOBODY = UUID(int=0)
OF_NOBODY = "The library, and people who were erased"
"""Whose the calls are that name nobody: an erasure leaves what was paid and not for whom."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from the first to the last, both included."""

    first: date
    last: date

    @classmethod
    def of(cls, first: date, last: date) -> "Period":
        """Return the period between two days, whichever comes first, a year of it at most."""
        first, last = min(first, last), max(first, last)
        return cls(max(first, last - timedelta(days=LONGEST_DAYS - 1)), last)

    @property
    def days(self) -> list[date]:
        """Every day of it."""
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


@dataclass(frozen=True, slots=True)
class Times:
    """A time in milliseconds as half of all cases had it, and all but one in twenty."""

    median_ms: int
    slowest_ms: int
    cases: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What a dashboard begins with; nothing of it where fewer than five people were active."""

    total_conversations: int
    total_messages: int
    active_users: int
    avg_satisfaction: float | None
    """From 1, everybody was discontent, to 5; None where fewer than five people said."""
    top_domains: list[Count]
    daily_usage: list[Count]
    first_words: Times | None
    whole_answer: Times | None


@dataclass(frozen=True, slots=True)
class Topic:
    """A domain, its share of the answers in hundredths, and words that at least five people used."""

    domain: str
    name: str
    percentage: int
    count: int
    keywords: list[str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How often a person was asked for, by reason, and how long people waited for one."""

    reasons: list[Count]
    times: Times | None

    @property
    def minutes(self) -> tuple[str, str]:
        """The two times in words."""
        both = (self.times.median_ms, self.times.slowest_ms) if self.times else (0, 0)
        half, most = (duration(-(-milliseconds // 1000)) for milliseconds in both)
        return half, most


@dataclass(frozen=True, slots=True)
class Spent:
    """What was asked of the providers, and what it cost."""

    name: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose numbers are counted: everybody's in an organization, or those of some people."""

    organization_id: UUID
    people: list[UUID] | None = None
    words_of: UUID | None = None
    """The coach of whose teams the words are counted; None means the organization."""

    def values(self, period: Period) -> dict[str, Any]:
        """Return the values of a query."""
        return {
            "organization": self.organization_id,
            "everybody": self.people is None,
            "people": self.people or [],
            "first": period.first,
            "last": period.last,
        }


_IN_SCOPE = """
    organization_id = %(organization)s AND day BETWEEN %(first)s AND %(last)s
    AND (%(everybody)s OR user_id = ANY(%(people)s))
"""


def _counted(view: str, select: str, values: dict[str, Any], then: str = "") -> list[tuple[Any, ...]]:
    """Return what is counted over the rows of a view that are in scope; only `values` come from outside."""
    return rows(f"SELECT {select} FROM {view} WHERE {_IN_SCOPE} {then}", values)  # noqa: S608 - our own words


def teams_of(member: User) -> list[Team]:
    """Return the teams of which a member may see the numbers: a coach's own, an administrator's all."""
    teams = access.visible_teams(member)
    return list(
        (teams if member.is_admin else teams.filter(coach=member)).select_related("coach").order_by("name")
    )


def scope_of(member: User, *, team_id: UUID | None = None) -> Scope:
    """Return whose numbers a member may see.

    Raises:
        NotVisible: the member is no coach, or the team is not theirs to see.
    """
    if member.organization_id is None or not member.is_coach:
        raise NotVisible
    if team_id is None and member.is_admin:
        return Scope(member.organization_id)
    teams = [team for team in teams_of(member) if team_id in {None, team.pk}]
    if team_id is not None and not teams:
        raise NotVisible
    people = User.objects.filter(team_membership__team__in=teams).values_list("pk", flat=True)
    coach_id = teams[0].coach_id if teams else member.pk
    return Scope(member.organization_id, list(people), coach_id)


def overview(*, scope: Scope, period: Period) -> Overview | None:
    """Return the first numbers of a dashboard; None where fewer than five people were active."""
    values = scope.values(period)
    totals = _counted(
        "analytics_person_day",
        """
        sum(conversations)::int, sum(messages)::int, count(DISTINCT user_id) FILTER (WHERE asked > 0),
        sum(liked)::int, sum(disliked)::int, count(DISTINCT user_id) FILTER (WHERE liked + disliked > 0)
        """,
        values,
    )[0]
    conversations, messages, active, liked, disliked, raters = totals
    if active < FEWEST:
        return None
    return Overview(
        total_conversations=conversations,
        total_messages=messages,
        active_users=active,
        avg_satisfaction=round(1 + 4 * liked / (liked + disliked), 1) if raters >= FEWEST else None,
        top_domains=_domains(values),
        daily_usage=_daily(values, period),
        first_words=_times(_each("first_ms"), "ms", values),
        whole_answer=_times(_each("whole_ms"), "ms", values),
    )


def _daily(values: dict[str, Any], period: Period) -> list[Count]:
    select = "day, count(*) FILTER (WHERE messages > 0), sum(messages)::int"
    found = _counted("analytics_person_day", select, values, "GROUP BY day")
    by_day = {day: (people, messages) for day, people, messages in found}
    return masked([Count(day.isoformat(), *by_day.get(day, (0, 0))) for day in period.days])


def _domains(values: dict[str, Any]) -> list[Count]:
    select = "domain, count(DISTINCT user_id), sum(answers)::int"
    found = _counted("analytics_domain_day", select, values, "GROUP BY domain ORDER BY 3 DESC, 1")
    return [count for count in masked([Count(*each) for each in found]) if count.value is not None]


def _times(view: str, milliseconds: str, values: dict[str, Any], then: str = "") -> Times | None:
    select = f"""
        count(DISTINCT user_id), count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY {milliseconds}),
        percentile_cont(0.95) WITHIN GROUP (ORDER BY {milliseconds})
    """
    (people, cases, median, slowest) = _counted(view, select, values, then)[0]
    return Times(round(median), round(slowest), cases) if people >= FEWEST else None


def _each(column: str) -> str:
    """Return the days of people with each of the times that a column lists."""
    return f"analytics_person_day CROSS JOIN LATERAL unnest({column}) AS took (ms)"


def topics(*, scope: Scope, period: Period) -> list[Topic]:
    """Return what is asked about: domains on which at least five people stand, with words of the last 90 days."""
    domains = _domains(scope.values(period))
    total = sum(count.value or 0 for count in domains)
    names = dict(Domain.objects.values_list("slug", "name"))
    words = _keywords(scope)
    return [
        Topic(
            domain=count.name,
            name=names.get(count.name, count.name.replace("_", " ").capitalize()),
            percentage=round(100 * (count.value or 0) / total),
            count=count.value or 0,
            keywords=words.get(count.name, []),
        )
        for count in domains
    ]


def _keywords(scope: Scope) -> dict[str, list[str]]:
    """Return the words of each domain that most people used, those first that say most about it."""
    found = rows(
        """
        WITH known AS (
            SELECT domain, word, people, people::float / sum(people) OVER (PARTITION BY stem) AS weight
            FROM analytics_keyword WHERE organization_id = %(organization)s AND scope_id = %(scope)s
        ), ranked AS (
            SELECT domain, word,
                   row_number() OVER (PARTITION BY domain ORDER BY weight DESC, people DESC, word) AS place
            FROM known
        )
        SELECT domain, word FROM ranked WHERE place <= %(most)s ORDER BY domain, place
        """,
        {
            "organization": scope.organization_id,
            "scope": scope.words_of or scope.organization_id,
            "most": MOST_KEYWORDS,
        },
    )
    words: dict[str, list[str]] = {}
    for domain, word in found:
        words.setdefault(domain, []).append(word)
    return words


def waiting(*, scope: Scope, period: Period) -> Waiting:
    """Return how often and why a person was asked for, and how long people waited."""
    values = scope.values(period)
    select = "reason, count(DISTINCT user_id), count(*)"
    found = _counted("analytics_handoff", select, values, "GROUP BY reason ORDER BY 3 DESC, 1")
    labels = dict(Handoff.Reason.choices)
    return Waiting(
        reasons=masked([Count(str(labels.get(reason, reason)), *counted) for reason, *counted in found]),
        times=_times("analytics_handoff", "waited_s * 1000", values, "AND waited_s IS NOT NULL"),
    )


def together(spent: Sequence[Spent]) -> Spent:
    """Return the sum of many lines."""
    return Spent(
        "Together",
        sum(each.calls for each in spent),
        sum(each.input_tokens for each in spent),
        sum(each.output_tokens for each in spent),
        sum((each.cost_usd for each in spent), Decimal(0)),
    )


_SPENT = "sum(calls)::int, sum(input_tokens)::bigint, sum(output_tokens)::bigint, sum(cost_usd)"


def spent_by_day(*, member: User, period: Period) -> list[Spent]:
    """Return what the organization's answers cost on each day; for its administrator.

    Raises:
        NotVisible: the member administers nothing.
    """
    scope = _whole(member)
    select = f"day, {_SPENT}"
    found = _counted("analytics_spend_day", select, scope.values(period), "GROUP BY day ORDER BY day")
    return [Spent(day.isoformat(), *rest) for day, *rest in found]


def spent_by_person(*, member: User, period: Period) -> list[Spent]:
    """Return what each person's answers cost, the dearest first: a bill, which says nothing of what was asked.

    Raises:
        NotVisible: the member administers nothing.
    """
    scope = _whole(member)
    select = f"user_id, {_SPENT}"
    found = _counted(
        "analytics_spend_day", select, scope.values(period), "GROUP BY user_id ORDER BY 5 DESC, 1"
    )
    names = dict(access.visible_people(member).values_list("pk", "name"))
    return [
        Spent(names.get(person, OF_NOBODY if person == _NOBODY else "Somebody who left"), *rest)
        for person, *rest in found
    ]


def _whole(member: User) -> Scope:
    if not member.is_admin:
        raise NotVisible
    return scope_of(member)


def refreshed_at() -> datetime:
    """Return the moment to which the numbers go."""
    at: datetime = rows("SELECT at FROM analytics_refreshed", {})[0][0]
    return at
