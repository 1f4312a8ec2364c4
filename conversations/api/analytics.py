"""Numbers of how the coaching is used, under the same gate and masks as the page in the dashboard."""

from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts import days
from accounts.api_authentication import refuse_about_others
from accounts.api_envelope import Answer
from accounts.api_operations import Operation
from accounts.api_parsing import StrictSerializer
from accounts.scopes import Scope
from conversations import analytics
from conversations.analytics import Period
from conversations.analytics_masking import FEWEST

USUAL_DAYS = 30


class DaysQuery(StrictSerializer):
    """Which days."""

    start_date = serializers.DateField(
        required=False, validators=[days.within_reach], help_text="30 days before the end unless given."
    )
    end_date = serializers.DateField(
        required=False,
        validators=[days.within_reach],
        help_text="Today unless given. A longer time than a year is cut to its last year; `meta` says which days.",
    )

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return both days.

        Raises:
            ValidationError: the last day comes before the first.
        """
        last: date = attrs.get("end_date") or timezone.now().date()
        first: date = attrs.get("start_date") or last - timedelta(days=USUAL_DAYS - 1)
        if last < first:
            raise serializers.ValidationError({"end_date": ["It comes before start_date."]})
        return {**attrs, "start_date": first, "end_date": last}


class AnalyticsQuery(DaysQuery):
    """Which days, and whose."""

    team_id = serializers.UUIDField(required=False, help_text="One team that you may see.")


class DomainCount(serializers.Serializer[Any]):
    """How many answers were of a domain."""

    domain = serializers.CharField(source="name")
    count = serializers.IntegerField(source="value", allow_null=True)


class DayCount(serializers.Serializer[Any]):
    """How many messages a day had; null where fewer than five people wrote."""

    date = serializers.DateField(source="name")
    messages = serializers.IntegerField(source="value", allow_null=True)


class OverviewShape(serializers.Serializer[Any]):
    """The first numbers of a dashboard; null and empty where fewer than five people were active."""

    total_conversations = serializers.IntegerField(allow_null=True, default=None)
    total_messages = serializers.IntegerField(allow_null=True, default=None)
    active_users = serializers.IntegerField(allow_null=True, default=None)
    avg_satisfaction = serializers.FloatField(allow_null=True, default=None)
    top_domains = DomainCount(many=True, default=list)
    daily_usage = DayCount(many=True, default=list)


class TopicShape(serializers.Serializer[Any]):
    """A domain and what is asked about in it."""

    domain = serializers.CharField()
    percentage = serializers.IntegerField()
    count = serializers.IntegerField()
    top_keywords = serializers.ListField(child=serializers.CharField(), source="keywords")


class TopicList(serializers.Serializer[Any]):
    """The domains on which at least five people stand."""

    topics = TopicShape(many=True)


class TimesShape(serializers.Serializer[Any]):
    """A time as half of all cases had it, and all but one in twenty."""

    median_ms = serializers.IntegerField()
    slowest_ms = serializers.IntegerField()
    cases = serializers.IntegerField()


class ReasonCount(serializers.Serializer[Any]):
    """How often a person was asked for because of something."""

    reason = serializers.CharField(source="name", help_text="In words.")
    count = serializers.IntegerField(source="value", allow_null=True)


class WaitingTimesShape(serializers.Serializer[Any]):
    """How long people waited; null and empty where fewer than five people were active, or waited."""

    first_words = TimesShape(allow_null=True, default=None, help_text="For the first words of an answer.")
    whole_answer = TimesShape(allow_null=True, default=None)
    person = TimesShape(allow_null=True, default=None, help_text="For a coach.")
    reasons = ReasonCount(many=True, default=list, help_text="Why a person was asked for.")


class SpentShape(serializers.Serializer[Any]):
    """What was asked of the providers, and what it cost."""

    name = serializers.CharField(help_text="A day, or a person.")
    calls = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost_usd = serializers.DecimalField(max_digits=None, decimal_places=None)


class SpendingShape(serializers.Serializer[Any]):
    """What the organization's answers cost: a bill, which says nothing of what was asked."""

    by_day = SpentShape(many=True)
    by_person = SpentShape(many=True, help_text="The dearest first.")
    together = SpentShape()


class _Analytics(Operation):
    """Numbers of the own teams for a coach, of the organization for an administrator."""

    needs = {"GET": Scope.READ}

    def asked(self, query: type[DaysQuery] = AnalyticsQuery) -> dict[str, Any]:
        """Return whose numbers are wanted, and of which days.

        Raises:
            NotVisible: they are not the member's to see.
            PermissionDenied: the key does not open what is about others.
        """
        refuse_about_others(self.request)
        wanted = self.query(query)
        scope = analytics.scope_of(self.member, team_id=wanted.get("team_id"))
        return {"scope": scope, "period": Period.of(wanted["start_date"], wanted["end_date"])}

    def basis(self, period: Period) -> dict[str, Any]:
        """Return what the numbers stand on."""
        return {
            "start_date": period.first,
            "end_date": period.last,
            "fewest_people": FEWEST,
            "refreshed_at": analytics.refreshed_at(),
        }


class AnalyticsOverview(_Analytics):
    """The first numbers of a dashboard."""

    @extend_schema(tags=["analytics"], parameters=[AnalyticsQuery], responses=OverviewShape)
    def get(self, _request: Request) -> Answer:
        """Count conversations, messages and people, for coaches and administrators."""
        asked = self.asked()
        found = analytics.overview(**asked)
        return self.answer(OverviewShape(found or {}), meta=self.basis(asked["period"]))


class AnalyticsTopics(_Analytics):
    """What is asked about."""

    @extend_schema(tags=["analytics"], parameters=[AnalyticsQuery], responses=TopicList)
    def get(self, _request: Request) -> Answer:
        """Show the share of each domain, with the words that people use in it."""
        asked = self.asked()
        shape = TopicList({"topics": analytics.topics(**asked)})
        return self.answer(shape, meta=self.basis(asked["period"]))


class AnalyticsWaiting(_Analytics):
    """How long people waited."""

    @extend_schema(tags=["analytics"], parameters=[AnalyticsQuery], responses=WaitingTimesShape)
    def get(self, _request: Request) -> Answer:
        """Show how long people waited for the AI and for a person, and why a person was asked for."""
        asked = self.asked()
        values: dict[str, Any] = {}
        if overview := analytics.overview(**asked):
            waiting = analytics.waiting(**asked)
            values = {
                "first_words": overview.first_words,
                "whole_answer": overview.whole_answer,
                "person": waiting.times,
                "reasons": waiting.reasons,
            }
        return self.answer(WaitingTimesShape(values), meta=self.basis(asked["period"]))


class AnalyticsSpending(_Analytics):
    """What the answers cost."""

    needs = {"GET": Scope.ORGANIZATION}

    @extend_schema(tags=["analytics"], parameters=[DaysQuery], responses=SpendingShape)
    def get(self, _request: Request) -> Answer:
        """Show what the organization's answers cost, by day and by person: a key needs `admin` too, as it names them."""
        period = self.asked(DaysQuery)["period"]
        by_person = analytics.spent_by_person(member=self.member, period=period)
        values = {
            "by_day": analytics.spent_by_day(member=self.member, period=period),
            "by_person": by_person,
            "together": analytics.together(by_person),
        }
        return self.answer(SpendingShape(values), meta=self.basis(period))
