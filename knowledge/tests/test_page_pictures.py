"""Pictures of pages: drawn by few children at a time, kept in small numbers, and marked where the quote stands."""

from collections.abc import Sequence

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.cast import House
from knowledge import page_images
from knowledge.extraction.pages import Rectangle, RenderedPage
from knowledge.ingestion import files
from knowledge.tests.test_page_viewer import QUOTE, address, printed, shelve, shown


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


class TestPictures:
    def test_a_page_is_drawn_once_and_kept_with_its_version(
        self, signed_in: Client, home: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        version, _ = shelve(home, printed())
        url = reverse("knowledge:page_image", args=[version.document_id, version.pk, 1])
        response = signed_in.get(url, {"width": "500"})
        assert response.content.startswith(b"\x89PNG")
        assert response["Content-Type"] == "image/png"
        assert default_storage.exists(f"{files.folder(version.pk)}/page-1-800.png")
        monkeypatch.setattr(page_images, "render_page", _must_not_draw)
        assert signed_in.get(url, {"width": "700"}).content == response.content

    def test_the_quote_is_marked_on_the_picture(self, signed_in: Client, home: House) -> None:
        version, passage = shelve(home, printed())
        html = shown(signed_in.get(address(version, passage, QUOTE)))
        url = reverse("knowledge:page_marks", args=[version.document_id, version.pk, 1])
        assert url in html
        start = passage.text.index(QUOTE)
        drawn = signed_in.get(
            url, {"passage": str(passage.pk), "from": str(start), "to": str(start + len(QUOTE))}
        )
        assert drawn["Content-Type"] == "image/svg+xml"
        svg = drawn.content.decode()
        assert svg.count("<rect") == 1
        assert 'viewBox="0 0 1000 1250"' in svg
        elsewhere = reverse("knowledge:page_marks", args=[version.document_id, version.pk, 0])
        assert "<rect" not in shown(
            signed_in.get(
                elsewhere, {"passage": str(passage.pk), "from": str(start), "to": str(start + len(QUOTE))}
            )
        )

    def test_a_page_that_is_not_there_has_no_picture(self, signed_in: Client, home: House) -> None:
        version, _ = shelve(home, printed())
        url = reverse("knowledge:page_image", args=[version.document_id, version.pk, 70])
        assert signed_in.get(url).status_code == 404

    def test_deleting_the_document_deletes_its_pictures(
        self, home: House, django_capture_on_commit_callbacks: object
    ) -> None:
        version, _ = shelve(home, printed())
        page_images.image(version, page_index=0, width=480)
        files.remove(version.pk)
        assert not default_storage.exists(f"{files.folder(version.pk)}/page-0-480.png")

    def test_at_most_two_are_drawn_at_once_and_a_full_line_is_told_to_come_again(
        self, signed_in: Client, home: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        version, passage = shelve(home, printed())
        monkeypatch.setattr(page_images, "_drawers", page_images.Drawers(at_once=2, in_line=1))
        monkeypatch.setattr(page_images, "PATIENCE_S", 0.01)
        place = [version.document_id, version.pk, 1]
        image, marks = (reverse(f"knowledge:page_{what}", args=place) for what in ("image", "marks"))
        quoted = {"passage": str(passage.pk), "from": "0", "to": "5"}
        with page_images._drawers.one():
            assert signed_in.get(image).status_code == 200
            with page_images._drawers.one():
                for refused in (signed_in.get(image, {"width": "480"}), signed_in.get(marks, quoted)):
                    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
                    assert "no-store" in refused["Cache-Control"]
                # What is drawn already is sent all the same.
                assert signed_in.get(image).status_code == 200
        assert signed_in.get(marks, quoted).status_code == 200

    def test_a_request_that_waits_for_its_turn_leaves_when_the_line_is_full(self) -> None:
        drawers = page_images.Drawers(at_once=1, in_line=0)
        with drawers.one(), pytest.raises(page_images.Busy), drawers.one():
            pass
        with drawers.one():
            pass

    @pytest.mark.django_db(transaction=True)
    def test_no_connection_is_held_while_a_page_is_drawn(
        self, signed_in: Client, home: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        version, _ = shelve(home, printed())
        held: list[bool] = []

        def draw(*_args: object, **_more: object) -> RenderedPage:
            held.append(connection.connection is not None)
            return RenderedPage(b"\x89PNG", "image/png", 480, 600, ())

        monkeypatch.setattr(page_images, "render_page", draw)
        url = reverse("knowledge:page_image", args=[version.document_id, version.pk, 1])
        assert signed_in.get(url).status_code == 200
        assert held == [False]

    def test_no_number_of_quotes_makes_a_file(
        self, signed_in: Client, home: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        version, passage = shelve(home, printed())
        drawn: list[object] = []

        def draw(*_args: object, quotes: Sequence[str], **_more: object) -> RenderedPage:
            drawn.append(quotes)
            return RenderedPage(b"\x89PNG", "image/png", 480, 600, ((Rectangle(0, 0, 1, 1),),))

        monkeypatch.setattr(page_images, "render_page", draw)
        monkeypatch.setattr(page_images, "MOST_PLACES", 20)
        monkeypatch.setattr(page_images, "_places", page_images.Places())
        before = default_storage.listdir(files.folder(version.pk))
        url = reverse("knowledge:page_marks", args=[version.document_id, version.pk, 1])
        for end in [*range(1, 31), 30, 11, 1]:
            signed_in.get(url, {"passage": str(passage.pk), "from": "0", "to": str(end)})
        # The last 20 are remembered; the first one was forgotten and is looked for again.
        assert len(drawn) == 31
        assert default_storage.listdir(files.folder(version.pk)) == before

    def test_a_version_keeps_no_more_pictures_than_it_may(
        self, home: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        version, _ = shelve(home, printed())
        drawn = RenderedPage(b"\x89PNG", "image/png", 480, 600, ())
        monkeypatch.setattr(page_images, "render_page", lambda *_args, **_more: drawn)
        monkeypatch.setattr(page_images, "MOST_PICTURES", 3)
        for index in range(8):
            page_images.image(version, page_index=index, width=480)
        _, names = default_storage.listdir(files.folder(version.pk))
        pictures = [name for name in names if name.startswith("page-")]
        assert len(pictures) == 3
        assert "page-7-480.png" in pictures
        assert {"source.pdf", "extract.json"} <= set(names)


def _must_not_draw(*_args: object, **_more: object) -> None:
    pytest.fail("the page was drawn again")
