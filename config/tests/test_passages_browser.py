"""Passages beside the picture of their page, and a picture that has to wait its turn."""

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import FloatRect, Page, Route, expect

from config.tests.conftest import Talk
from config.tests.test_chat_pictures import AT_REST
from config.tests.test_page_browser import DRAWN_MS, SCHEMES, SIZES, cited

__all__ = ["cited"]

pytestmark = [pytest.mark.browser, pytest.mark.processes]


def boxes(page: Page) -> list[FloatRect]:
    """Return where the picture of a page stands, and its first passage."""
    found = [page.locator(name).first.bounding_box() for name in (".library-sheet__page", ".library-passage")]
    return [box for box in found if box]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_passages_stand_beside_their_page(
    talk: Talk, cited: dict[str, Any], artefacts: Path, scheme: str
) -> None:
    page = talk.window(talk.house.admin, color_scheme=scheme)
    page.goto(reverse("admin:knowledge_document_change", args=[cited["document_id"]]))
    picture = page.locator(".library-sheet__page img")
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True, timeout=DRAWN_MS)
        expect(picture).not_to_have_js_property("naturalWidth", 0)
        left, right = boxes(page)
        if width > 1000:
            assert left["x"] + left["width"] < right["x"]
            assert abs(left["y"] - right["y"]) < 2
        else:
            assert left["y"] + left["height"] < right["y"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(AT_REST)
        page.screenshot(path=artefacts / f"passages-{size}.png")
    # However long the passage, its page stays beside it.
    page.locator(".library-passage").first.evaluate("passage => passage.scrollIntoView({block: 'end'})")
    expect(picture).to_be_in_viewport()
    page.screenshot(path=artefacts / "passages-end.png")
    assert talk.complaints == []


def test_a_picture_that_was_refused_is_asked_for_again(talk: Talk, cited: dict[str, Any]) -> None:
    page = talk.window(talk.house.owner)
    asked: list[str] = []

    def refuse_first(route: Route) -> None:
        asked.append(route.request.url)
        if asked.count(route.request.url) == 1:
            route.fulfill(status=503, headers={"Retry-After": "5"}, body="Try again.")
        else:
            route.continue_()

    page.route("**/image/**", refuse_first)
    page.goto(reverse("knowledge:page", args=[cited["document_id"], cited["version_id"], 1]))
    expect(page.locator(".reader__image")).not_to_have_js_property("naturalWidth", 0, timeout=DRAWN_MS)
    assert len(asked) >= 2
