"""Closing a stream of pieces for certain."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TypeVar, cast

Item = TypeVar("Item")


def closing(stream: AsyncIterator[Item]) -> aclosing[AsyncGenerator[Item, None]]:
    """Enter to iterate over `stream`; leaving closes it at once, and with it the provider's call.

    Every `ChatModel.stream` is an async generator; the port promises only an iterator.
    """
    return aclosing(cast(AsyncGenerator[Item, None], stream))
