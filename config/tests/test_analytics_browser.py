"""The analytics in a real dashboard: on a phone and in the dark, without a sideways scroll and without a complaint."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from config.tests.conftest import Talk
from conversations import analytics, analytics_views
from conversations.models import Handoff
from conversations.tests.counting import enlarged
from conversations.tests.counting import talk as have_talked

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("wide", {}),
        ("phone", {"viewport": {"width": 320, "height": 720}}),
        ("dark", {"color_scheme": "dark"}),
    ],
)
def test_the_page_fits_and_can_be_read(
    talk: Talk, artefacts: Path, name: str, options: dict[str, Any]
) -> None:
    today = timezone.now().date()
    words = "How do we write rubrics for grading together?"
    for person in enlarged(talk.house):
        for days in range(12):
            have_talked(
                person,
                words,
                on=today - timedelta(days=days),
                domains=("assessment", "collaboration"),
                score=1,
            )
        conversation = have_talked(person, on=today).conversation
        Handoff.objects.create(
            conversation=conversation,
            organization=talk.house.organization,
            reason="client_request",
            state="returned",
            taken_at=timezone.now() + timedelta(minutes=3),
        )
    assert analytics_views.refresh()
    page = talk.window(talk.house.admin, **options)
    page.goto("/admin/analytics/")
    expect(page.get_by_role("heading", name="Messages a day")).to_be_visible()
    expect(page.get_by_role("cell", name="grading, rubrics, together, write", exact=True)).to_be_visible()
    page.get_by_text("As a table").click()
    expect(page.get_by_role("row", name=f"{today.isoformat()} 24")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=artefacts / f"analytics-{name}.png", full_page=True)
    assert talk.complaints == []


def test_the_page_tells_on_the_readers_own_clock_until_when_it_has_counted(talk: Talk) -> None:
    assert analytics_views.refresh()
    page = talk.window(talk.house.admin, timezone_id="Asia/Kolkata")
    page.goto("/admin/analytics/")
    here = analytics.refreshed_at().astimezone(ZoneInfo("Asia/Kolkata"))
    expect(page.get_by_text(f"Counted until {here:%-d %B %Y, %H:%M}.")).to_be_visible()
    assert talk.complaints == []
