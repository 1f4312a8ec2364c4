"""Cutting long texts and long lists into what an embedding endpoint takes."""

from collections.abc import Iterator, Sequence

WINDOW_BYTES = 8000
"""A token is at least a byte: this many bytes never exceed a limit of 8,191 tokens."""
BATCH_TEXTS = 256
BATCH_BYTES = 250_000


def windows(text: str, *, limit: int = WINDOW_BYTES) -> list[str]:
    """Cut `text` into pieces of at most `limit` UTF-8 bytes, at spaces where there are any.

    Joined, the pieces are `text` again. An empty text is one empty piece.
    """
    pieces: list[str] = []
    rest = text
    while len(rest.encode()) > limit:
        head = rest.encode()[:limit].decode(errors="ignore")
        cut = head.rfind(" ") + 1 or len(head)
        pieces.append(rest[:cut])
        rest = rest[cut:]
    if rest or not pieces:
        pieces.append(rest)
    return pieces


def batches(
    texts: Sequence[str], *, most_texts: int = BATCH_TEXTS, most_bytes: int = BATCH_BYTES
) -> Iterator[list[str]]:
    """Group `texts` in order into lists that one request may carry."""
    batch: list[str] = []
    size = 0
    for text in texts:
        weight = len(text.encode())
        if batch and (len(batch) >= most_texts or size + weight > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += weight
    if batch:
        yield batch
