"""Events come out whole however the bytes were cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coaching.providers.sse import EventTooLong, SseReader

STREAM = (
    b": a comment\n\ndata: one\n\ndata:two\r\n\r\nevent: x\r\ndata: th\xc3\xa9ree\r\ndata: more\r\n\r\n"
    b'id: 4\ndata: \n\ndata: {"a": 1}\r\rdata: never ended'
)
EVENTS = [b"one", b"two", b"th\xc3\xa9ree\nmore", b"", b'{"a": 1}']


def test_a_stream_in_one_chunk() -> None:
    assert SseReader().feed(STREAM) == EVENTS


@given(st.lists(st.integers(min_value=0, max_value=len(STREAM)), max_size=12))
def test_a_stream_cut_anywhere(cuts: list[int]) -> None:
    reader = SseReader()
    edges = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(edges)]
    assert [event for chunk in chunks for event in reader.feed(chunk)] == EVENTS


def test_byte_by_byte() -> None:
    reader = SseReader()
    assert [event for byte in STREAM for event in reader.feed(bytes([byte]))] == EVENTS


@pytest.mark.parametrize("chunk", [b"data: " + b"x" * 60, b"x" * 101, b"data: xxxxxxxxx\n"])
def test_an_event_that_never_ends_is_stopped(chunk: bytes) -> None:
    reader = SseReader(limit=100)
    with pytest.raises(EventTooLong):
        feed_often(reader, chunk)


def feed_often(reader: SseReader, chunk: bytes) -> None:
    for _ in range(20):
        reader.feed(chunk)
