"""The service page in a browser: on a phone, in the dark, and without a word on the console."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from config.tests.conftest import Talk
from config.tests.test_service_page import answered

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
def test_it_reads_well(talk: Talk, artefacts: Path, width: int, scheme: str) -> None:
    now = timezone.now()
    for hours, slower in ((1, 1.0), (2, 1.4), (3, 0.7), (7, 0.9)):
        answered(talk.house, first_s=0.8 * slower, whole_s=2 * slower, at=now - timedelta(hours=hours))
    page = talk.window(talk.house.admin, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto("/admin/service/")
    page.get_by_role("heading", name="How long 95 % of the answers took at most").wait_for()
    page.get_by_text("The same as a table").click()
    assert page.get_by_role("row").count() == 7 + 4 + 5
    assert page.get_by_role("rowheader", name="First words").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    line = page.locator(".service__line--first").bounding_box()
    assert line is not None
    assert line["width"] > width / 10
    page.screenshot(path=artefacts / f"{width}-{scheme}.png", full_page=True)
    assert talk.complaints == []
