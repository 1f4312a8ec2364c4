"""How much a library may hold: what does not fit is refused with words, leaves nothing behind, and fits after tidying."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from accounts.models import Organization, User
from accounts.tests.api_caller import as_program
from accounts.tests.cast import Cast, House
from knowledge import room
from knowledge.library import Added, Shelf
from knowledge.models import Document, DocumentVersion
from knowledge.tests.ingesting import add
from knowledge.tests.test_library_races import all_at_once

pytestmark = pytest.mark.django_db
FULL = "The library is full: its files may take 1 MB in all. Delete documents that nobody needs, or ask for a larger tier."
LIBRARY = "/admin/knowledge/document/"


@pytest.fixture(autouse=True)
def one_megabyte(settings: Any) -> None:
    """Let everybody's library take one megabyte."""
    settings.LIBRARY_MB = dict.fromkeys(settings.LIBRARY_MB, 1)


def of(kilobytes: int, name: str = "norms.txt") -> SimpleUploadedFile:
    """Return a file of this size."""
    return SimpleUploadedFile(name, name[0].encode() * 1024 * kilobytes)


def stored() -> int:
    """Return how many versions have files."""
    return len(default_storage.listdir("documents")[0]) if default_storage.exists("documents") else 0


class TestWhatIsLeft:
    def test_is_said_on_the_page_and_over_the_api(self, cast: Cast) -> None:
        ben = as_program(cast.home.coach)
        ben.upload("documents", {"file": of(700)})
        Organization.objects.filter(pk=cast.away.organization.pk).update(tier="enterprise")
        settings = dict.fromkeys(("free", "basic", "premium"), 5_000)
        with override_settings(LIBRARY_MB=settings | {"enterprise": None}):
            assert self.page_of(cast.home.coach) == (
                "The files of your organization take 1 of 5,000 MB; 4,999 MB are left."
            )
            assert self.page_of(cast.away.coach) == (
                "The files of your organization take 0 MB; there is no limit."
            )
            room_of_riverside = {"used_bytes": 700 * 1024, "allowed_bytes": 5_000 * 1024 * 1024}
            assert ben("GET", "documents").meta["room"] == room_of_riverside
            away = as_program(cast.away.coach)("GET", "documents").meta["room"]
            assert away == {"used_bytes": 0, "allowed_bytes": None}

    def page_of(self, member: User) -> str:
        """Return what the library's page says of room."""
        client = Client()
        client.force_login(member)
        found = re.search(r"The files of your organization take [^<]*", client.get(LIBRARY).content.decode())
        assert found is not None
        return found.group()


class TestOverTheApi:
    def test_what_does_not_fit_is_refused_and_leaves_nothing(self, home: House) -> None:
        ben = as_program(home.coach)
        assert ben.upload("documents", {"file": of(700)}).status == 201
        refused = ben.upload("documents", {"file": of(325, "other.txt")})
        assert (refused.status, refused.error) == (
            413,
            {"code": "TOO_LARGE", "message": FULL, "details": {"reason": "library_full"}},
        )
        assert (Document.objects.count(), DocumentVersion.objects.count(), stored()) == (1, 1, 1)
        assert ben.upload("documents", {"file": of(324, "last.txt")}).status == 201

    def test_a_new_version_counts_as_well(self, home: House) -> None:
        ben = as_program(home.coach)
        document = ben.upload("documents", {"file": of(700)}).data["id"]
        refused = ben.upload(f"documents/{document}/versions", {"file": of(700, "changed.txt")})
        assert (refused.status, refused.error and refused.error["details"]) == (
            413,
            {"reason": "library_full"},
        )
        assert DocumentVersion.objects.get().number == 1

    def test_what_is_there_already_takes_no_room(self, home: House) -> None:
        ben = as_program(home.coach)
        assert [ben.upload("documents", {"file": of(1024)}).status for _ in "ab"] == [201, 200]

    def test_what_is_deleted_gives_its_room_back(self, home: House) -> None:
        ben = as_program(home.coach)
        document = ben.upload("documents", {"file": of(1024)}).data["id"]
        assert ben("DELETE", f"documents/{document}").status == 200
        assert ben.upload("documents", {"file": of(1024, "other.txt")}).status == 201

    def test_coaches_share_the_room_of_their_organization_and_of_no_other(self, cast: Cast) -> None:
        assert as_program(cast.home.coach).upload("documents", {"file": of(700)}).status == 201
        own = {"file": of(700, "other.txt"), "keeper": "own"}
        assert as_program(cast.home.other_coach).upload("documents", own).status == 413
        assert as_program(cast.away.coach).upload("documents", {"file": of(700)}).status == 201


class TestOnThePages:
    def test_what_does_not_fit_is_said(self, client: Client, home: House) -> None:
        client.force_login(home.coach)
        add(Shelf(home.organization.pk), "x" * 1024 * 1024, "norms.txt", home.coach)
        form = {"documents": [of(1, "other.txt")], "keeper": "shared"}
        by_script = client.post(f"{LIBRARY}upload/", form, headers={"HX-Request": "true"})
        assert (by_script.status_code, by_script.content.decode()) == (422, FULL)
        form["documents"] = [of(1, "other.txt")]
        assert FULL in client.post(f"{LIBRARY}upload/", form, follow=True).content.decode()
        changed = {"file": of(1, "changed.txt")}
        page = f"{LIBRARY}{Document.objects.get().pk}/replace/"
        assert FULL in client.post(page, changed, follow=True).content.decode()
        assert (DocumentVersion.objects.count(), stored()) == (1, 1)


def test_the_command_says_so(home: House, tmp_path: Path) -> None:
    (tmp_path / "norms.txt").write_bytes(b"x" * (1024 * 1024 + 1))
    with pytest.raises(CommandError, match="The library is full") as stopped:
        call_command("ingest", str(tmp_path), organization=home.organization.name)
    assert stopped.value.returncode == 1
    assert not Document.objects.exists()


def test_an_organization_without_a_limit_has_the_disk(home: House, settings: Any) -> None:
    settings.LIBRARY_MB = {**settings.LIBRARY_MB, home.organization.tier: None}
    assert as_program(home.coach).upload("documents", {"file": of(1025)}).status == 201


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_of_ten_at_once_as_many_are_taken_as_fit(cast: Cast) -> None:
    shelf, taken = Shelf(cast.home.organization.pk), list[Added]()

    def upload(number: int) -> None:
        taken.append(add(shelf, f"{number}" * 300 * 1024, f"{number}.txt"))

    refused = all_at_once(*(partial(upload, number) for number in range(10)))
    assert [type(each) for each in refused] == [room.LibraryFull] * 7
    assert (len(taken), DocumentVersion.objects.count(), stored()) == (3, 3, 3)
