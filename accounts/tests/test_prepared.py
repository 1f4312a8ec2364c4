"""Statements whose plan the server keeps."""

import pytest
from django.db import DataError, connection
from pytest_django import DjangoAssertNumQueries

from accounts import prepared
from accounts.models import User
from accounts.tests.cast import Cast

pytestmark = pytest.mark.django_db

SUM = "SELECT %s::int + 40"


def kept(statement: str) -> list[int]:
    """Return how often the plans that this connection keeps of a statement were used."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE %s",
            [statement],
        )
        return [row[0] for row in cursor.fetchall()]


def total(number: int) -> int:
    """Add forty."""
    with prepared.cursor() as cursor:
        cursor.execute(SUM, [number])
        return int(cursor.fetchone()[0])


def test_is_kept_once_however_the_values_differ() -> None:
    assert [total(number) for number in range(8)] == [40, 41, 42, 43, 44, 45, 46, 47]
    assert kept("SELECT $1::int + 40") == [3]


def test_leaves_other_cursors_as_they_are(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    total(1)
    for _ in range(8):
        assert User.objects.filter(email=cast.home.owner.email).count() == 1
    assert kept("%accounts_user%") == []
    with django_assert_num_queries(1):
        total(2)


def test_that_fails_raises_what_django_raises() -> None:
    with prepared.cursor() as cursor, pytest.raises(DataError):
        cursor.execute("SELECT 1 / %s", [0])
