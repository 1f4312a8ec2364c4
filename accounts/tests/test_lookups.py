"""Lookups that the ORM lacks."""

import pytest

from accounts.models import User
from accounts.tests.cast import Cast

pytestmark = pytest.mark.django_db


def test_any_finds_what_in_finds(cast: Cast) -> None:
    people = {cast.home.owner.pk, cast.away.owner.pk}
    assert set(User.objects.filter(pk__any=people).values_list("pk", flat=True)) == people
    names = [cast.home.owner.email, "nobody@example.org"]
    assert User.objects.get(email__any=names) == cast.home.owner


def test_any_of_nothing_finds_nothing(cast: Cast) -> None:
    assert not User.objects.filter(pk__any=()).exists()
    assert not User.objects.filter(email__any=[]).exists()
    assert User.objects.exclude(pk__any=()).exists()


def test_any_is_one_value_of_the_statement(cast: Cast) -> None:
    _, parameters = User.objects.filter(
        pk__any=[cast.home.owner.pk, cast.away.owner.pk]
    ).query.sql_with_params()
    assert parameters == ([cast.home.owner.pk, cast.away.owner.pk],)
