"""When a failing provider is left alone."""

import pytest

from coaching.providers.breaker import Breakers, CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(clock=clock)


def test_four_failures_in_a_row_leave_it_closed(breaker: CircuitBreaker) -> None:
    for _ in range(4):
        breaker.failed()
    assert breaker.is_open is False
    assert breaker.allow() is True


def test_the_fifth_failure_in_a_row_opens_it(breaker: CircuitBreaker) -> None:
    for _ in range(5):
        breaker.failed()
    assert breaker.allow() is False
    assert breaker.rests_for_s == 30.0


def test_a_success_between_failures_starts_the_count_again(breaker: CircuitBreaker) -> None:
    for _ in range(4):
        breaker.failed()
    breaker.succeeded()
    for _ in range(4):
        breaker.failed()
    assert breaker.is_open is False


def test_half_of_the_last_twenty_failing_opens_it(breaker: CircuitBreaker) -> None:
    for _ in range(9):
        breaker.failed()
        breaker.succeeded()
    breaker.succeeded()
    assert breaker.is_open is False
    breaker.failed()
    assert breaker.is_open is True


def test_nineteen_calls_are_too_few_to_judge_by_half(breaker: CircuitBreaker) -> None:
    for _ in range(9):
        breaker.failed()
        breaker.succeeded()
    breaker.failed()
    assert breaker.is_open is False


def test_one_probe_goes_after_each_rest(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(5):
        breaker.failed()
    clock.now += 29.9
    assert breaker.allow() is False
    clock.now += 0.1
    assert [breaker.allow() for _ in range(3)] == [True, False, False]
    clock.now += 30
    assert [breaker.allow() for _ in range(3)] == [True, False, False]


def test_the_first_token_of_a_probe_closes_it(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(5):
        breaker.failed()
    clock.now += 30
    assert breaker.allow() is True
    breaker.answering()
    assert breaker.is_open is False
    assert [breaker.allow() for _ in range(3)] == [True, True, True]
    for _ in range(4):
        breaker.failed()
    assert breaker.is_open is False, "the failures before the rest are forgotten"


def test_a_failed_probe_starts_a_new_rest(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(5):
        breaker.failed()
    clock.now += 30
    assert breaker.allow() is True
    clock.now += 4
    breaker.failed()
    clock.now += 29
    assert breaker.allow() is False
    clock.now += 1
    assert breaker.allow() is True


def test_each_key_owner_has_a_breaker_of_their_own(clock: Clock) -> None:
    breakers = Breakers(clock=clock)
    ada = breakers.of(provider="openai", model="m", key_owner="ada")
    for _ in range(5):
        ada.failed()
    assert breakers.of(provider="openai", model="m", key_owner="ada").is_open is True
    assert breakers.of(provider="openai", model="m", key_owner="ben").is_open is False
    assert breakers.of(provider="openai", model="cheaper", key_owner="ada").is_open is False
