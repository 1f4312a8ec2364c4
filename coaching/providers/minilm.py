"""all-MiniLM-L6-v2 in this process: embeddings without a key, a network or torch.

The model reads 256 word pieces. A longer text is cut into even windows, and its vector is the mean of
theirs, weighted by their pieces: nothing is dropped. Texts are batched by length, so that little is computed for padding.
Each batch runs on one thread; several run side by side on a small executor of the adapter's own.
"""

import asyncio
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from coaching.providers.minilm_graph import WIDTH, Precision, build, probe, window_sizes
from coaching.providers.minilm_tokenizer import END, START, ModelFilesMissing, TextTokenizer
from coaching.providers.minilm_weights import Weights, WrongWeights
from coaching.providers.ports import Embedded, ProviderRefused, ProviderTimeout, Usage

WINDOW = 254
"""Word pieces of one window: the model's 256 less the two that mark start and end."""
BATCH_TOKENS = 512
"""Pieces, padding included, of one batch. Larger ones leave the processor's cache: slower, with more memory."""

QUESTION = 2000
"""Characters up to which a single text is embedded without letting others in between."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one text, as the model reads it."""

    text: int
    pieces: tuple[int, ...]


class Engine:
    """The loaded model: batches of windows in, unit vectors out. Safe to share between threads."""

    def __init__(self, precision: Precision | None = None) -> None:
        self.precision = precision or (Precision.WHOLE if multiplies_exactly() else Precision.NARROW)
        weights = Weights()
        self._words = weights["embeddings.word_embeddings.weight"]
        positions = weights["embeddings.position_embeddings.weight"]
        self._positions: Vectors = positions + weights["embeddings.token_type_embeddings.weight"][0]
        self._session = _session(build(weights, self.precision))
        weights.release_pages()

    def run(self, batch: Sequence[Window]) -> Vectors:
        """Embed each window of `batch`: float32 of shape (windows, 384)."""
        lengths = np.array([len(window.pieces) for window in batch], np.int32)
        longest = int(lengths.max())
        ids = np.zeros((len(batch), longest), np.int64)
        for row, window in enumerate(batch):
            ids[row, : len(window.pieces)] = window.pieces
        inside = np.arange(longest) < lengths[:, None]
        pool = (inside / lengths[:, None]).astype(np.float32)[:, None, :]
        states = self._words[ids] + self._positions[:longest]
        feeds = {"states": states, "lengths": lengths, "pool": pool}
        vectors: Vectors = self._session.run(None, feeds)[0]
        return vectors


class MiniLM:
    """The `EmbeddingModel` that needs nothing but this machine."""

    provider = "minilm"
    model = "all-MiniLM-L6-v2"
    dimensions = WIDTH

    def __init__(self, *, threads: int | None = None, precision: Precision | None = None) -> None:
        self.threads = threads or _processors()
        self.tokenizer = TextTokenizer()
        self._precision = precision
        self._loading = threading.Lock()
        self._loaded: Engine | None = None

    def count_tokens(self, text: str) -> int:
        """Count the word pieces of `text`."""
        return self.tokenizer.count_tokens(text)

    def warm(self) -> None:
        """Load the model now, in about half a second, instead of on the first call."""
        self._engine().run([Window(0, (START, END))])

    async def embed(self, texts: Sequence[str], *, deadline_s: float) -> Embedded:
        """Embed `texts` in order.

        Raises `ProviderTimeout` when that takes longer than `deadline_s`, and `ProviderRefused` when the
        model's files are missing or not the ones expected.
        """
        if not texts:
            return Embedded(np.empty((0, WIDTH), np.float32), Usage())
        try:
            async with asyncio.timeout(deadline_s):
                return await self._embed(list(texts))
        except TimeoutError as error:
            raise ProviderTimeout(f"{len(texts)} texts were not embedded in {deadline_s} s.") from error
        except (ModelFilesMissing, WrongWeights) as error:
            raise ProviderRefused(str(error)) from error

    async def _embed(self, texts: list[str]) -> Embedded:
        loop = asyncio.get_running_loop()
        if len(texts) == 1 and len(texts[0]) <= QUESTION:
            return await loop.run_in_executor(self._executor, self._embed_here, texts)
        windows = await loop.run_in_executor(self._executor, self._windows, texts)
        sums = np.zeros((len(texts), WIDTH), np.float32)
        batches = _batches(windows)

        async def drain() -> None:
            # No more batches wait in the executor than run, so a question gets in between those of a book.
            for batch in batches:
                _add(sums, batch, await loop.run_in_executor(self._executor, self._run, batch))

        async with asyncio.TaskGroup() as group:
            for _ in range(self.threads):
                group.create_task(drain())
        return _embedded(sums, windows)

    def _embed_here(self, texts: list[str]) -> Embedded:
        """Embed within one call of a thread: each more would cost a short text a tenth of what it takes."""
        windows = self._windows(texts)
        if len(windows) == 1:
            return Embedded(self._run(windows), _usage(windows))
        sums = np.zeros((len(texts), WIDTH), np.float32)
        for batch in _batches(windows):
            _add(sums, batch, self._run(batch))
        return _embedded(sums, windows)

    def _windows(self, texts: list[str]) -> list[Window]:
        self._engine()
        return [window for index, text in enumerate(texts) for window in cut(index, self.tokenizer.ids(text))]

    def _run(self, batch: Sequence[Window]) -> Vectors:
        return self._engine().run(batch)

    def _engine(self) -> Engine:
        with self._loading:
            if self._loaded is None:
                self._loaded = Engine(self._precision)
            return self._loaded

    @cached_property
    def _executor(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, thread_name_prefix="minilm")


@cache
def from_settings() -> MiniLM:
    """Return the one adapter of this process for `EMBEDDING_MODEL`; it needs no setting."""
    return MiniLM()


def multiplies_exactly() -> bool:
    """Whether onnxruntime's 8-bit products are exact on this processor."""
    model, left, expected = probe()
    return bool((_session(model).run(None, dict(left))[0] == expected).all())


def cut(text: int, pieces: Sequence[int]) -> list[Window]:
    """Cut the pieces of text number `text` into windows that the model reads whole."""
    windows: list[Window] = []
    start = 0
    for size in window_sizes(len(pieces), WINDOW):
        windows.append(Window(text, (START, *pieces[start : start + size], END)))
        start += size
    return windows


def _add(sums: Vectors, batch: Sequence[Window], vectors: Vectors) -> None:
    """Add the vectors of windows to those of their texts, each by its length."""
    lengths = np.array([len(window.pieces) for window in batch], np.float32)
    np.add.at(sums, [window.text for window in batch], vectors * lengths[:, None])


def _embedded(sums: Vectors, windows: Sequence[Window]) -> Embedded:
    vectors = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return Embedded(vectors, _usage(windows))


def _usage(windows: Sequence[Window]) -> Usage:
    return Usage(input_tokens=sum(len(window.pieces) for window in windows))


def _batches(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Group windows of similar length, the longest first."""
    batch: list[Window] = []
    for window in sorted(windows, key=lambda window: -len(window.pieces)):
        if batch and (len(batch) + 1) * len(batch[0].pieces) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(window)
    yield batch


def _session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
