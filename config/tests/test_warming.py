"""What is done once, for nobody, before the first question comes."""

import gc

import pytest
from pytest_django import DjangoAssertNumQueries

from config import memory, warming
from conversations.models import Message


@pytest.mark.django_db
def test_an_answer_is_written_out_for_nobody(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        warming.write_out()
    assert not Message.objects.exists()


def test_what_is_loaded_is_looked_through_for_garbage_no_more() -> None:
    before = gc.get_threshold()
    try:
        memory.settle()
        assert gc.get_freeze_count() > 100_000
        assert gc.get_threshold()[0] == memory.GARBAGE
        assert len(gc.get_objects()) < 1_000
    finally:
        gc.set_threshold(*before)
