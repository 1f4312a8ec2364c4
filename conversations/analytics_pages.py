"""The analytics in the dashboard: charts that the server draws, each with its table."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import days
from accounts.http import MemberRequest, coach_required
from conversations import analytics, analytics_charts
from conversations.analytics import Period
from conversations.analytics_masking import FEWEST, Count

USUAL_DAYS = 30


class PeriodForm(forms.Form):
    """Which days, and whose."""

    start = forms.DateField(required=False, validators=[days.within_reach])
    end = forms.DateField(required=False, validators=[days.within_reach])
    team = forms.UUIDField(required=False)


@require_safe
@coach_required
def page(request: MemberRequest) -> HttpResponse:
    """Show a coach the own teams' numbers, an administrator the organization's."""
    form = PeriodForm(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    last = chosen.get("end") or timezone.now().date()
    period = Period.of(chosen.get("start") or last - timedelta(days=USUAL_DAYS - 1), last)
    scope = analytics.scope_of(request.user, team_id=chosen.get("team"))
    overview = analytics.overview(scope=scope, period=period)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Analytics",
        "period": period,
        "teams": analytics.teams_of(request.user),
        "team": chosen.get("team"),
        "fewest": FEWEST,
        "is_admin": request.user.is_admin,
        "refreshed_at": analytics.refreshed_at(),
        "overview": overview,
    }
    if overview is not None:
        context |= _charts(overview, analytics.topics(scope=scope, period=period))
        context["waiting"] = waiting = analytics.waiting(scope=scope, period=period)
        context["reasons"] = analytics_charts.lying(
            [each for each in waiting.reasons if each.value is not None]
        )
    if request.user.is_admin and not chosen.get("team"):
        context["by_day"] = analytics.spent_by_day(member=request.user, period=period)
        context["by_person"] = by_person = analytics.spent_by_person(member=request.user, period=period)
        context["together"] = analytics.together(by_person)
    return render(request, "conversations/analytics.html", context)


def _charts(overview: analytics.Overview, topics: list[analytics.Topic]) -> dict[str, Any]:
    return {
        "daily": analytics_charts.standing(overview.daily_usage),
        "topics": topics,
        "domains": analytics_charts.lying([Count(topic.name, 0, topic.count) for topic in topics]),
    }
