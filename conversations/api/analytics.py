"""Numbers of how the coaching is used, under the same gate and masks as the page in the dashboard."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from accounts import days
from accounts.api_authentication import may_see_others
from accounts.api_envelope import Answer
from accounts.api_operations import Operation
from accounts.api_parsing import StrictSerializer
from accounts.scopes import Scope
from conversations import analytics
from conversations.analytics import Period
from conversations.analytics_masking import FEWEST

USUAL_DAYS = 30


class AnalyticsQuery(StrictSerializer):
    """Which days, and whose."""

    start_date = serializers.DateField(
        required=False, validators=[days.within_reach], help_text="30 days before the end unless given."
    )
    end_date = serializers.DateField(
        required=False, validators=[days.within_reach], help_text="Today unless given; a year at most."
    )
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


class _Analytics(Operation):
    """Numbers of the own teams for a coach, of the organization for an administrator."""

    needs = {"GET": Scope.READ}

    def asked(self) -> dict[str, Any]:
        """Return whose numbers are wanted, and of which days.

        Raises:
            NotVisible: they are not the member's to see.
            PermissionDenied: the key does not open what is about others.
        """
        if not may_see_others(self.request):
            raise PermissionDenied
        wanted = self.query(AnalyticsQuery)
        last = wanted.get("end_date") or timezone.now().date()
        first = wanted.get("start_date") or last - timedelta(days=USUAL_DAYS - 1)
        scope = analytics.scope_of(self.member, team_id=wanted.get("team_id"))
        return {"scope": scope, "period": Period.of(first, last)}

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
