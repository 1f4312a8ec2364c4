"""Reading a stream of server-sent events: bytes in, the data of complete events out."""


class EventTooLong(Exception):
    """An event grew past the limit without ending."""


class SseReader:
    """Takes chunks that may be cut anywhere, inside a line, a CRLF or a character."""

    def __init__(self, *, limit: int = 1_000_000) -> None:
        self._limit = limit
        self._rest = b""
        self._data: list[bytes] = []
        self._held = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of every event that `chunk` completes, in order.

        An event with several data lines is joined by newlines. Comments and other fields are
        skipped. Raises `EventTooLong` when more than `limit` bytes wait for the end of an event.
        """
        text = self._rest + chunk
        # A trailing CR may be the first half of a CRLF: it waits for the next chunk.
        end = max(text.rfind(b"\n"), text.rfind(b"\r", 0, -1)) + 1
        self._rest = text[end:]
        events: list[bytes] = []
        for line in text[:end].splitlines():
            if line.startswith(b"data:"):
                self._take(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data.clear()
                self._held = 0
        if self._held + len(self._rest) > self._limit:
            raise EventTooLong
        return events

    def _take(self, data: bytes) -> None:
        self._data.append(data)
        self._held += len(data)
