"""What is done once, for nobody, before the first question comes."""

import pytest
from pytest_django import DjangoAssertNumQueries

from config import warming
from conversations.models import Message


@pytest.mark.django_db
def test_an_answer_is_written_out_for_nobody(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        warming.write_out()
    assert not Message.objects.exists()
