"""The service page: exact numbers from the rows, each organization its own, for administrators and staff alone."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from prometheus_client import Histogram

from accounts.models import User
from accounts.tests.cast import Cast, House
from accounts.tests.factories import UserFactory
from accounts.time_ordered import least_id
from coaching.models import PromptRun
from config import metrics_database, metrics_requests, process_levels, service_chart
from config.service_levels import lasting
from conversations import handoff
from conversations.models import Handoff, Interaction
from conversations.tests.factories import begin, say
from conversations.timings import Slot
from conversations.turns import measures
from knowledge.library import Shelf
from knowledge.models import DocumentVersion
from knowledge.tests.ingesting import add

pytestmark = pytest.mark.django_db


def visit(member: User | None, **query: str) -> Any:
    """Return the page as a member gets it."""
    client = Client()
    if member is not None:
        client.force_login(member)
    return client.get(reverse("service"), query)


def levels(response: Any) -> dict[str, list[str]]:
    """Return the words of each line of the table by its name."""
    page, _ = response.content.decode().split("This web process")
    found = {}
    for row in re.findall(r"<tr role=\"row\">(.*?)</tr>", page, re.DOTALL)[1:]:
        name, *cells = (
            " ".join(re.sub(r"<[^>]+>", " ", cell).split())
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        )
        found[name] = cells
    return found


def answered(house: House, *, first_s: float, whole_s: float, at: datetime, state: str = "done") -> None:
    """Have a turn accepted at a time, answered after these seconds."""
    accepted = say(house.owner, begin(house.owner), "How do we begin?", worker="w")
    Interaction.objects.filter(question=accepted.message).update(
        state=state,
        accepted_at=at,
        first_token_at=at + timedelta(seconds=first_s),
        finished_at=at + timedelta(seconds=whole_s),
    )


class TestWhoSeesIt:
    def test_administrators_and_staff_do(self, home: House) -> None:
        assert "Your organization." in visit(home.admin).content.decode()
        staff = visit(UserFactory.create(staff=True))
        assert "All organizations of this installation." in staff.content.decode()

    def test_to_everybody_else_it_does_not_exist(self, home: House) -> None:
        for member in (home.owner, home.coach, home.other_coach):
            assert visit(member).status_code == 404
        response = visit(None)
        assert (response.status_code, response.url) == (302, "/accounts/login/?next=/admin/service/")

    def test_the_menu_leads_there_for_those(self, home: House) -> None:
        queue = reverse("conversations:queue")
        client = Client()
        client.force_login(home.admin)
        assert reverse("service") in client.get(queue).content.decode()
        client.force_login(home.coach)
        assert reverse("service") not in client.get(queue).content.decode()


class TestTheNumbers:
    def test_are_exact(self, home: House) -> None:
        now = timezone.now()
        for number in range(1, 21):
            answered(home, first_s=number / 10, whole_s=number / 5, at=now - timedelta(minutes=30))
        answered(home, first_s=0.1, whole_s=9, at=now - timedelta(minutes=30), state="failed")
        found = levels(visit(home.admin))
        assert found["First words"] == ["1.00 s", "1.90 s", "95 % in 1.2 s", "missed", "21 answers"]
        assert found["Complete answer"] == ["2.10 s", "3.81 s", "95 % in 2.5 s", "missed", "20 answers"]
        assert found["Failed answers"] == ["", "4.8 %", "under 1 %", "missed", "21 answers"]

    def test_that_keep_the_promise_say_so(self, home: House) -> None:
        answered(home, first_s=1.19, whole_s=2.49, at=timezone.now() - timedelta(minutes=5))
        found = levels(visit(home.admin))
        assert [found[name][3] for name in ("First words", "Complete answer", "Failed answers")] == [
            "kept"
        ] * 3

    def test_of_nothing_promise_nothing(self, home: House) -> None:
        response = visit(home.admin)
        assert {line[3] for line in levels(response).values()} == {"nothing measured"}
        assert "No answers in this time." in response.content.decode()

    @pytest.mark.parametrize(
        ("window", "count"), [("hour", "1 answer"), ("day", "2 answers"), ("week", "3 answers")]
    )
    def test_are_those_of_the_window(self, home: House, window: str, count: str) -> None:
        now = timezone.now()
        for ago in (timedelta(minutes=10), timedelta(hours=5), timedelta(days=3), timedelta(days=8)):
            answered(home, first_s=1, whole_s=2, at=now - ago)
        assert levels(visit(home.admin, window=window))["First words"][4] == count

    def test_an_invented_window_is_a_day(self, home: House) -> None:
        page = visit(home.admin, window="<script>").content.decode()
        assert re.search(r'href="\?window=day"\s+aria-current="page"', page)
        assert "<script>alert" not in page

    def test_are_never_another_organization_s(self, cast: Cast) -> None:
        answered(cast.away, first_s=9, whole_s=9, at=timezone.now() - timedelta(minutes=5))
        assert levels(visit(cast.home.admin))["First words"][4] == "0 answers"
        assert levels(visit(cast.away.admin))["First words"][4] == "1 answer"
        assert levels(visit(UserFactory.create(staff=True)))["First words"][4] == "1 answer"

    def test_of_provider_calls_leave_out_those_that_were_stopped(self, home: House) -> None:
        for status in ("ok", "ok", "cancelled", "error"):
            PromptRun.objects.create(
                organization=home.organization, purpose="answer", provider="p", model="m", status=status
            )
        assert levels(visit(home.admin))["Failed calls to the provider"][1:] == [
            "25 %",
            "under 3 %",
            "missed",
            "4 calls",
        ]

    def test_of_waiting_count_those_who_still_wait_too_long(self, home: House) -> None:
        now = timezone.now()
        waits = {10: 4, 50: 45, 40: None}
        for asked_ago, taken_after in waits.items():
            conversation = begin(home.owner)
            handoff.ask_for_coach(member=home.owner, conversation_id=conversation.pk, now=now)
            asked = now - timedelta(minutes=asked_ago)
            episode = Handoff.objects.filter(conversation=conversation)
            episode.update(requested_at=asked)
            if taken_after:
                episode.update(
                    state="returned", coach=home.coach, taken_at=asked + timedelta(minutes=taken_after)
                )
        staff = UserFactory.create(staff=True)
        half, most, target, kept, count = levels(visit(staff))["Wait for a coach"]
        assert (target, kept, count) == ("95 % as promised", "missed", "3 requests, 2 late")
        assert (half, most) == ("24 min", "43 min")

    def test_of_waiting_tell_an_administrator_nothing_of_fewer_than_five_people(self, home: House) -> None:
        asked = []
        others = UserFactory.create_batch(4, organization=home.organization)
        for person in (home.owner, *others):
            conversation = begin(person)
            handoff.ask_for_coach(member=person, conversation_id=conversation.pk, now=timezone.now())
            asked.append(levels(visit(home.admin))["Wait for a coach"][1:])
        few = ["not shown", "95 % as promised", "nothing measured", "fewer than 5 people"]
        assert asked[:4] == [few] * 4
        assert asked[4][3] == "5 requests, 0 late"

    def test_of_documents_say_how_long_reading_took(self, home: House) -> None:
        shelf = Shelf(home.organization.pk, None)
        now = timezone.now()
        for text, seconds in ((b"# One\n\nText.", 20), (b"# Two\n\nText.", 40)):
            DocumentVersion.objects.filter(pk=add(shelf, text).version.pk).update(
                state="ready",
                created_at=now - timedelta(hours=1),
                published_at=now - timedelta(hours=1) + timedelta(seconds=seconds),
            )
        assert levels(visit(home.admin))["Reading a document"] == [
            "30 s",
            "39 s",
            "under 1 % fail",
            "kept",
            "2 documents, 0 failed",
        ]

    def test_take_the_same_few_queries_however_many_turns_there_are(self, home: House) -> None:
        client = Client()
        client.force_login(home.admin)
        client.get(reverse("service"))
        counts = []
        for more in (1, 5):
            for _ in range(more):
                answered(home, first_s=1, whole_s=2, at=timezone.now() - timedelta(minutes=5))
            with CaptureQueriesContext(connection) as queries:
                client.get(reverse("service"))
            counts.append(len(queries))
        assert counts[0] == counts[1] < 20

    def test_never_name_anybody(self, home: House) -> None:
        answered(home, first_s=1, whole_s=2, at=timezone.now() - timedelta(minutes=5))
        page = visit(home.admin).content.decode()
        assert home.owner.name not in page
        assert "How do we begin?" not in page


class TestTheChart:
    SINCE = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.get_default_timezone())
    STEP = timedelta(hours=1)

    def test_has_a_gap_where_nothing_was_measured(self) -> None:
        slots = [
            Slot(self.SINCE + self.STEP * number, 3, first, 2 * first)
            for number, first in ((0, 1.0), (1, 0.5), (3, 0.25))
        ]
        chart = service_chart.draw(slots, since=self.SINCE, step=self.STEP, steps=4)
        assert chart.top_s == pytest.approx(2.875)
        assert chart.first_token == "M12.50 65.22L37.50 82.61M87.50 91.30h.01"
        assert chart.whole_target_y == pytest.approx(13.04)
        assert not chart.empty

    def test_of_nothing_is_empty(self) -> None:
        assert service_chart.draw([], since=self.SINCE, step=self.STEP, steps=4).empty

    def test_is_on_the_page_with_a_table_beside_it(self, home: House) -> None:
        answered(home, first_s=1.25, whole_s=2, at=timezone.now() - timedelta(minutes=5))
        page = visit(home.admin).content.decode()
        assert re.search(r'<path class="service__line service__line--first" d="M[\d.]+ [\d.]+h.01" />', page)
        assert re.search(r"<td>1.25 s</td>\s*<td>2.00 s</td>\s*<td>1</td>", page)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "none"), (0.1234, "0.12 s"), (59.6, "60 s"), (150, "2 min"), (7260, "2.0 h")],
)
def test_a_length_of_time_is_told_as_a_person_reads_it(seconds: float | None, words: str) -> None:
    assert lasting(seconds) == words


def test_an_id_is_above_the_least_of_its_time_and_below_the_least_of_later(home: House) -> None:
    now = timezone.now()
    made = begin(home.owner).pk
    assert least_id(now) < made < least_id(now + timedelta(minutes=6))


class TestThisProcess:
    def test_says_how_fast_it_has_been(self, home: House, monkeypatch: pytest.MonkeyPatch) -> None:
        requests = Histogram("requests", "-", ["route"], buckets=(0.1, 0.5, 2.0, 5.0), registry=None)
        search = Histogram("search", "-", buckets=(0.05, 0.5), registry=None)
        monkeypatch.setattr(metrics_requests, "SECONDS", requests)
        monkeypatch.setattr(measures, "SEARCH", search)
        queries = Histogram("queries", "-", buckets=(0.01, 0.1, 0.25), registry=None)
        monkeypatch.setattr(metrics_database, "SECONDS", queries)
        for route, seconds in (("a", 0.3), ("a", 0.4), ("b", 3.0)):
            requests.labels(route).observe(seconds)
        assert [(each.name, each.half, each.most, each.kept) for each in process_levels.look()] == [
            ("Pages and API", "under 0.50 s", "under 5.00 s", False),
            ("Looking passages up", "none", "none", None),
            ("Queries to the database", "none", "none", None),
        ]
        assert process_levels.look()[0].target == "half in 0.5 s, 95 % in 2 s"
        for _ in range(100):
            requests.labels("none").observe(0.001)
        assert process_levels.look()[0].most == "under 5.00 s"
        measures.looked_up({"total_ms": 12.5})
        search.observe(0.04)
        assert "under 0.05 s" in visit(home.admin).content.decode().split("This web process")[1]

    def test_says_how_fast_its_database_answers(self, home: House, monkeypatch: pytest.MonkeyPatch) -> None:
        queries = Histogram("queries", "-", buckets=(0.01, 0.1, 0.25), registry=None)
        monkeypatch.setattr(metrics_database, "SECONDS", queries)
        metrics_database.measure(connection=connection)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.02)")
            level = process_levels.look()[2]
            assert (level.half, level.most, level.target, level.kept) == (
                *("under 0.10 s", "under 0.10 s"),
                *("95 % in 0.1 s", True),
            )
            cursor.execute("SELECT pg_sleep(0.11)")
        assert (process_levels.look()[2].most, process_levels.look()[2].kept) == ("under 0.25 s", False)

    def test_misses_its_promise_where_half_of_the_requests_are_slow(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        requests = Histogram("requests", "-", ["route"], buckets=(0.1, 0.5, 2.0, 5.0), registry=None)
        monkeypatch.setattr(metrics_requests, "SECONDS", requests)
        for seconds, kept in ((0.3, True), (1.5, True), (1.6, False)):
            requests.labels("a").observe(seconds)
            assert process_levels.look()[0].kept is kept
