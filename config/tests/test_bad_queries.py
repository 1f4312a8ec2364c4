"""Questions that make no sense: days before the calendar and after it, and a character that no text has."""

import pytest
from django.test import Client

from accounts.tests.api_caller import as_program
from accounts.tests.cast import House

pytestmark = pytest.mark.django_db


class TestDays:
    @pytest.mark.parametrize("path", ["overview", "topics"])
    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("end_date=0001-01-01", "end_date"),
            ("end_date=0001-06-01&start_date=0001-01-01", "start_date"),
            ("start_date=9999-12-31", "start_date"),
        ],
    )
    def test_nobody_can_count_from_are_refused_by_the_api(
        self, home: House, path: str, query: str, field: str
    ) -> None:
        found = as_program(home.admin)("GET", f"analytics/{path}?{query}")
        assert (found.status, found.code) == (400, "INVALID_INPUT")
        assert found.error is not None
        assert found.error["details"][field] == ["Choose a day from 1900-01-01 to 2199-12-31."]

    @pytest.mark.parametrize("field", ["start_date", "end_date"])
    def test_of_an_export_are_refused_as_well(self, home: House, field: str) -> None:
        wanted = {"kind": "mine", field: "0001-01-01"}
        assert as_program(home.owner)("POST", "exports", wanted).status == 400
        asked = as_program(home.owner)("GET", f"analytics/export?type=messages&{field}=9999-12-31")
        assert (asked.status, asked.code) == (400, "INVALID_INPUT")

    @pytest.mark.parametrize("query", ["since=0001-01-01", "until=9999-12-31"])
    def test_of_the_record_are_refused_as_well(self, home: House, query: str) -> None:
        found = as_program(home.admin)("GET", f"admin/record?{query}")
        assert (found.status, found.code) == (400, "INVALID_INPUT")

    @pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
    def test_on_the_page_show_the_usual_ones(self, client: Client, home: House, day: str) -> None:
        client.force_login(home.admin)
        for query in (f"end={day}", f"start={day}", f"start={day}&end={day}"):
            page = client.get(f"/admin/analytics/?{query}")
            assert (page.status_code, len(page.context["period"].days)) == (200, 30)

    def test_in_the_record_say_what_is_wrong(self, client: Client, home: House) -> None:
        client.force_login(home.admin)
        page = client.get("/admin/accounts/auditevent/?until=9999-12-31&since=0001-01-01")
        assert page.status_code == 200
        assert page.context["form"].errors == {
            name: ["Choose a day from 1900-01-01 to 2199-12-31."] for name in ("since", "until")
        }
        last = client.get("/admin/accounts/auditevent/?until=2199-12-31&since=1900-01-01")
        assert (last.status_code, last.context["form"].errors) == (200, {})


class TestANullCharacter:
    @pytest.mark.parametrize(
        "address",
        [
            "/admin/accounts/user/?role__exact=%00",
            "/admin/accounts/invitation/?role__exact=%00",
            "/admin/accounts/invitation/?state__exact=%00",
            "/admin/accounts/user/?q=a%00b",
        ],
    )
    def test_is_a_bad_request(self, client: Client, home: House, address: str) -> None:
        client.force_login(home.admin)
        assert client.get(address).status_code == 400
