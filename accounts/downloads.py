"""A file on its way to its owner: piece by piece, so that it may be of any size, and with nothing held meanwhile."""

from collections.abc import AsyncIterator, Iterator
from typing import cast

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import FileResponse
from typing_extensions import override

PIECE_BYTES = 1 << 16


class Download(FileResponse):
    """A file as an answer that is never whole in memory, however the server runs.

    Django alone would read all of it first wherever the server is asynchronous.
    """

    block_size = PIECE_BYTES

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the file, each piece read beside the event loop; the connection to the database goes back first."""
        await sync_to_async(close_old_connections)()
        pieces = cast("Iterator[bytes]", self.streaming_content)

        def read() -> bytes:
            return next(pieces, b"")

        while piece := await sync_to_async(read, thread_sensitive=False)():
            yield piece
