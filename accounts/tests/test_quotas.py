"""Token buckets: exact under any number of hands, shared by every process, and honest about when to come back."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.utils import timezone
from redis import Redis

from accounts import quota_store, quotas
from accounts.models import MonthlyUse, User
from accounts.quota_store import Bucket, LocalStore, RedisStore
from accounts.quotas import Kind, Verdict
from accounts.tests.cast import Cast

NOWHERE = "redis://127.0.0.1:1/0"
HALF_A_MINUTE = 30 * 1_000_000


@pytest.fixture
def rates(settings: Any, redis_url: str) -> dict[str, str]:
    """Return what an educator may do by the settings of the product; the buckets are in a real Redis, empty."""
    settings.QUOTAS_URL = redis_url
    mine = {"requests": "100/hour", "ai_turns": "50/hour", "exports": "10/day"}
    settings.QUOTAS = {"educator": mine, "coach": mine, "admin": {**mine, "requests": "1000/hour"}}
    quotas.forget()
    return mine


def take(member: User, kind: Kind = Kind.AI_TURNS, times: int = 1) -> Verdict:
    """Take some times, and return the last word."""
    verdicts = [quotas.take(member=member, kind=kind) for _ in range(times)]
    return verdicts[-1]


def shift(redis_url: str, member: User, kind: Kind, seconds: int) -> None:
    """Let time pass for a bucket without waiting: it will be full so many seconds earlier."""
    with Redis.from_url(redis_url) as redis:
        (key,) = redis.keys(f"quota:*{member.pk.hex}*{kind}*")
        redis.set(key, int(redis.get(key)) - seconds * 1_000_000, keepttl=True)


@pytest.mark.usefixtures("rates")
class TestABucket:
    def test_gives_exactly_its_fifty_to_three_hundred_hands(self, owner: User) -> None:
        with ThreadPoolExecutor(40) as hands:
            verdicts = list(
                hands.map(
                    lambda _: quota_store.shared().move([Bucket("quota:race", 50, 3600)], 1), range(300)
                )
            )
        assert Counter(level.wait == 0 for (level,) in verdicts) == {True: 50, False: 250}

    def test_is_shared_by_processes(self, redis_url: str) -> None:
        here, there = RedisStore(redis_url), RedisStore(redis_url)
        bucket = Bucket("quota:shared", 4, 60)
        left = [store.move([bucket], 1)[0].remaining for store in (here, there, here, there)]
        assert left == [3, 2, 1, 0]
        assert here.move([bucket], 1)[0].wait > 0

    def test_counts_down_and_then_says_when(self, owner: User) -> None:
        first, last, refused = take(owner), take(owner, times=49), take(owner)
        assert (first.allowed, first.remaining, first.limit, first.retry_after_s) == (True, 49, 50, 0)
        assert (last.allowed, last.remaining) == (True, 0)
        assert (refused.allowed, refused.remaining) == (False, 0)
        assert refused.retry_after_s in range(60, 73)
        assert refused.reset_s in range(3588, 3601)

    def test_opens_when_it_has_said_and_not_before(self, owner: User, redis_url: str) -> None:
        refused = take(owner, times=51)
        shift(redis_url, owner, Kind.AI_TURNS, refused.retry_after_s - 20)
        assert not take(owner).allowed
        shift(redis_url, owner, Kind.AI_TURNS, 20)
        assert take(owner).allowed
        assert not take(owner).allowed

    def test_belongs_to_one_person(self, owner: User, coach: User) -> None:
        take(owner, times=50)
        assert not take(owner).allowed
        assert take(coach).remaining == 49

    def test_of_exports_ends_with_the_tenth(self, owner: User) -> None:
        assert take(owner, Kind.EXPORTS, times=10).allowed
        eleventh = take(owner, Kind.EXPORTS)
        assert (eleventh.allowed, eleventh.limit, eleventh.window) == (False, 10, 86_400)
        assert eleventh.retry_after_s in range(8610, 8641)

    def test_is_only_looked_at_by_a_peek(self, owner: User) -> None:
        take(owner, times=49)
        assert [quotas.peek(member=owner, kind=Kind.AI_TURNS).remaining for _ in range(3)] == [1, 1, 1]
        take(owner)
        looked_at = quotas.peek(member=owner, kind=Kind.AI_TURNS)
        assert (looked_at.allowed, looked_at.retry_after_s in range(60, 73)) == (False, True)

    def test_takes_back_what_was_not_used_and_never_more(self, owner: User) -> None:
        take(owner, times=50)
        quotas.give_back(member=owner, kind=Kind.AI_TURNS)
        assert take(owner).allowed
        for _ in range(60):
            quotas.give_back(member=owner, kind=Kind.AI_TURNS)
        assert take(owner).remaining == 49

    def test_leaves_nothing_behind_once_it_is_full(self, owner: User, redis_url: str) -> None:
        take(owner)
        quotas.give_back(member=owner, kind=Kind.AI_TURNS)
        take(owner, times=2)
        with Redis.from_url(redis_url) as redis:
            (key,) = redis.keys("quota:*")
            assert redis.pttl(key) in range(120_000, 144_002)


class TestTwoRates:
    def test_of_which_the_minute_is_used_up_spend_nothing_of_the_hour(
        self, settings: Any, rates: dict[str, str], owner: User, redis_url: str
    ) -> None:
        rates["ai_turns"] = "50/hour 10/minute"
        assert take(owner, times=10).remaining == 40
        refused = take(owner)
        assert (refused.allowed, refused.limit, refused.window) == (False, 10, 60)
        assert quotas.peek(member=owner, kind=Kind.AI_TURNS).limit == 10
        with Redis.from_url(redis_url) as redis:
            (minute,) = redis.keys("quota:*:60")
            redis.delete(minute)
        assert take(owner).remaining == 39


@pytest.mark.usefixtures("rates")
class TestWhoMayDoMore:
    def test_an_administrator_sends_a_thousand_requests(self, owner: User, org_admin: User) -> None:
        assert take(owner, Kind.REQUESTS).limit == 100
        assert take(org_admin, Kind.REQUESTS).limit == 1000

    def test_an_organization_has_numbers_of_its_own(self, cast: Cast) -> None:
        cast.home.organization.ai_turns_per_hour = 3
        cast.home.organization.save()
        assert take(cast.home.owner, times=3).allowed
        assert not take(cast.home.owner).allowed
        assert take(cast.home.owner, Kind.EXPORTS).limit == 10
        assert take(cast.away.owner).limit == 50

    def test_an_organization_with_none_is_closed(self, cast: Cast) -> None:
        cast.home.organization.exports_per_day = 0
        cast.home.organization.save()
        refused = take(cast.home.owner, Kind.EXPORTS)
        assert (refused.allowed, refused.limit, refused.retry_after_s) == (False, 0, 86_400)

    def test_what_is_known_of_an_organization_is_forgotten_after_a_minute(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 1000.0
        monkeypatch.setattr("accounts.quotas.time.monotonic", lambda: now)
        assert take(cast.home.owner).limit == 50
        cast.home.organization.ai_turns_per_hour = 7
        cast.home.organization.save()
        assert take(cast.home.owner).limit == 50
        now += quotas.OVERRIDES_LAST_SECONDS + 1
        assert take(cast.home.owner).limit == 7


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def _away(self, settings: Any, rates: dict[str, str]) -> None:
        settings.QUOTAS_URL = NOWHERE

    @pytest.mark.parametrize("kind", [Kind.AI_TURNS, Kind.EXPORTS])
    def test_what_costs_is_refused_and_says_so(self, owner: User, kind: Kind) -> None:
        refused = take(owner, kind)
        assert (refused.allowed, refused.away, refused.retry_after_s) == (False, True, 5)
        assert not refused.is_running_out

    def test_requests_are_counted_in_this_process(self, owner: User) -> None:
        assert take(owner, Kind.REQUESTS, times=100).allowed
        refused = take(owner, Kind.REQUESTS)
        assert (refused.allowed, refused.away, refused.limit) == (False, False, 100)

    def test_giving_back_is_no_error(self, owner: User) -> None:
        quotas.give_back(member=owner, kind=Kind.AI_TURNS)

    def test_nobody_asks_again_within_a_second(self, redis_server: Any) -> None:
        store = RedisStore(NOWHERE)
        bucket = Bucket("quota:away", 1, 60)
        with pytest.raises(quota_store.StoreAway) as first:
            store.move([bucket], 1)
        with pytest.raises(quota_store.StoreAway) as second:
            store.move([bucket], 1)
        assert first.value.__cause__ is not None
        assert second.value.__cause__ is None

    def test_a_redis_that_was_restarted_is_used_again(self, redis_server: Any, redis_url: str) -> None:
        store = RedisStore(redis_url)
        bucket = Bucket("quota:restarted", 5, 60)
        assert store.move([bucket], 1)[0].remaining == 4
        redis_server.stop()
        with pytest.raises(quota_store.StoreAway):
            store.move([bucket], 1)
        redis_server.start(redis_server.port)
        store._away_until = 0.0
        assert store.move([bucket], 1)[0].remaining == 3


class TestTheLocalStore:
    def test_goes_by_the_same_rule(self) -> None:
        now = 100.0
        store = LocalStore(clock=lambda: now)
        bucket = Bucket("one", 2, 60)
        levels = [store.move([bucket], 1)[0] for _ in range(3)]
        assert [(level.remaining, level.full_in, level.wait) for level in levels] == [
            (1, HALF_A_MINUTE, 0),
            (0, 2 * HALF_A_MINUTE, 0),
            (0, 2 * HALF_A_MINUTE, HALF_A_MINUTE - 1),
        ]
        now += 30
        assert store.move([bucket], 0)[0].remaining == 1
        assert store.move([bucket], 1)[0].wait == 0

    def test_lets_go_of_full_buckets(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(quota_store, "MOST_LOCAL", 3)
        now = 100.0
        store = LocalStore(clock=lambda: now)
        for name in "abc":
            store.move([Bucket(name, 1, 60)], 1)
        now += 61
        store.move([Bucket("d", 1, 60)], 1)
        assert list(store._full) == ["d"]


class TestOverHTTP:
    def test_the_headers_name_policy_rest_and_time(self) -> None:
        allowed = Verdict(Kind.AI_TURNS, True, 50, 3600, 12, 2736, 0)
        assert quotas.headers(allowed) == {
            "RateLimit-Policy": '"ai_turns";q=50;w=3600',
            "RateLimit": '"ai_turns";r=12;t=2736',
        }
        refused = Verdict(Kind.AI_TURNS, False, 50, 3600, 0, 3600, 72)
        assert quotas.headers(refused)["Retry-After"] == "72"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "60 seconds"),
        (61, "2 minutes"),
        (3601, "2 hours"),
        (90_000, "2 days"),
    ],
)
def test_a_duration_is_said_in_its_largest_unit(seconds: int, words: str) -> None:
    assert quotas.duration(seconds) == words


class TestTheMonth:
    def test_shows_what_the_tier_allows_and_what_was_used(self, settings: Any, cast: Cast) -> None:
        settings.MONTHLY_MESSAGES = {"free": 1000}
        now = timezone.now()
        organization = cast.home.organization
        assert quotas.month_of(organization, now=now) == quotas.Month(0, 1000)
        MonthlyUse.objects.create(
            organization=organization, month=timezone.localdate(now).replace(day=1), messages=12
        )
        organization.monthly_message_limit = 20
        assert quotas.month_of(organization, now=now) == quotas.Month(12, 20)
