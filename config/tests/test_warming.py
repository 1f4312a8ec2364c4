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
    loaded: list[list[str]] = [[] for _ in range(1_000)]
    try:
        memory.settle()
        looked_through = {id(each) for each in gc.get_objects()}
        assert looked_through.isdisjoint(map(id, loaded))
        assert gc.get_threshold()[0] == memory.GARBAGE
    finally:
        gc.set_threshold(*before)
