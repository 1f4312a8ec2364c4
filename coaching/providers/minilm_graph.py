"""all-MiniLM-L6-v2 as an ONNX graph, built from its weights in memory (about 0.1 s; nothing is cached on disk).

Inputs, for a batch of B texts of at most S word pieces:

=========  =================  ==============================================================
states     float32 (B, S, H)  sum of word, position and segment embeddings, before the norm
lengths    int32 (B)          pieces of each text; attention does not look beyond them
pool       float32 (B, 1, S)  weight of each piece in the mean: 1 / length, then zeros
=========  =================  ==============================================================

Output: ``vectors``, float32 (B, H), of unit length.

Three precisions. `Precision.FULL` computes in float32. `Precision.WHOLE` multiplies 8-bit integers, with one
scale for each *token* of the left side and each column of the right side. The usual dynamic quantisation has
one scale for the whole batch: there one outlier makes every text coarser (cosine 0.994, a tenth of the
neighbours change) and a text's vector depends on its company. With a scale per token the cosine is 0.998 and
recall is that of float32 (`benchmarks/minilm_speed.py` prints the table). Attention, norms and GELU stay in float32.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LAYERS, HEADS, WIDTH = 6, 12, 384
EPSILON = 1e-12
FUSED = "com.microsoft"
"""onnxruntime's own operators: attention with lengths, bias and GELU in one, integer products with scales."""

Array = NDArray[np.float32]


class Precision(StrEnum):
    """How the linear layers multiply."""

    FULL = "float32"
    WHOLE = "int8"
    NARROW = "int7"
    """Weights of seven bits: a pair of products fits into the 16 bits in which older processors add them."""


class Arrays(Protocol):
    """Weights by their name in the file."""

    def __getitem__(self, name: str, /) -> Array: ...


class _Graph:
    """Collects nodes and constants; every method returns the name of its result."""

    def __init__(self, weights: Arrays, precision: Precision) -> None:
        self.weights = weights
        self.precision = precision
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.middles = ""
        """The middle of 8 bits for each token: all layers have as many tokens, so it is made once."""

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def constant(self, name: str, value: Any) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def integers(self, *values: int) -> str:
        return self.constant("i" + "_".join(map(str, values)), np.array(values, np.int64))

    def apply(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        domain = attributes.pop("domain", "")
        names = [f"n{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, domain=domain, **attributes))
        return names

    def one(self, operator: str, *inputs: str, **attributes: Any) -> str:
        return self.apply(operator, *inputs, **attributes)[0]


def build(weights: Arrays, precision: Precision) -> bytes:
    """Serialise the model described at the head of this module."""
    graph = _Graph(weights, precision)
    normed = _norm(graph, "states", "embeddings.LayerNorm")
    batch_shape = graph.one("Shape", normed)
    joined_shape = graph.one(
        "Concat", graph.one("Slice", batch_shape, graph.integers(0), graph.integers(2)),
        graph.integers(3 * WIDTH), axis=0,
    )  # fmt: skip
    tokens = graph.one("Reshape", normed, graph.integers(-1, WIDTH))
    for number in range(LAYERS):
        tokens = _layer(graph, tokens, f"encoder.layer.{number}.", joined_shape)
    texts = graph.one("Reshape", tokens, batch_shape)
    means = graph.one("Squeeze", graph.one("MatMul", "pool", texts), graph.integers(1))
    graph.nodes.append(helper.make_node("LpNormalization", [means], ["vectors"], axis=-1, p=2))
    return _serialise(graph)


def _serialise(graph: _Graph) -> bytes:
    described = helper.make_tensor_value_info
    inputs = [
        described("states", TensorProto.FLOAT, ["texts", "pieces", WIDTH]),
        described("lengths", TensorProto.INT32, ["texts"]),
        described("pool", TensorProto.FLOAT, ["texts", 1, "pieces"]),
    ]
    outputs = [described("vectors", TensorProto.FLOAT, ["texts", WIDTH])]
    made = helper.make_graph(graph.nodes, "all-MiniLM-L6-v2", inputs, outputs, list(graph.constants.values()))
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(FUSED, 1)]
    )
    model.ir_version = 9
    serialised: bytes = model.SerializeToString()
    return serialised


def _layer(graph: _Graph, tokens: str, prefix: str, joined_shape: str) -> str:
    """One transformer block over tokens of shape (B * S, H)."""
    attended = _attention(graph, tokens, prefix, joined_shape)
    projected = _dense(graph, attended, prefix + "attention.output.dense")
    tokens = _norm(graph, graph.one("Add", projected, tokens), prefix + "attention.output.LayerNorm")
    name = prefix + "intermediate.dense"
    wide = _linear(graph, tokens, name, graph.weights[name + ".weight"])
    active = graph.one("BiasGelu", wide, graph.weight(name + ".bias"), domain=FUSED)
    narrow = _dense(graph, active, prefix + "output.dense")
    return _norm(graph, graph.one("Add", narrow, tokens), prefix + "output.LayerNorm")


def _attention(graph: _Graph, tokens: str, prefix: str, joined_shape: str) -> str:
    """Attention of all heads; query, key and value come from one product."""
    names = [f"{prefix}attention.self.{part}" for part in ("query", "key", "value")]
    together = np.concatenate([graph.weights[name + ".weight"] for name in names])
    biases = np.concatenate([graph.weights[name + ".bias"] for name in names])
    joined = _linear(graph, tokens, prefix + "joined", together)
    joined = graph.one("Add", joined, graph.constant(prefix + "joined.bias", biases))
    parts = graph.apply(
        "Split", graph.one("Reshape", joined, joined_shape), outputs=3, axis=-1, num_outputs=3
    )
    heads = graph.one("MultiHeadAttention", *parts, "", "lengths", domain=FUSED, num_heads=HEADS)
    return graph.one("Reshape", heads, graph.integers(-1, WIDTH))


def _dense(graph: _Graph, tokens: str, name: str) -> str:
    product = _linear(graph, tokens, name, graph.weights[name + ".weight"])
    return graph.one("Add", product, graph.weight(name + ".bias"))


def _norm(graph: _Graph, values: str, name: str) -> str:
    # LayerNormalization after Add, not SkipLayerNormalization: the fused one is ten times slower on a CPU.
    gain, shift = graph.weight(name + ".weight"), graph.weight(name + ".bias")
    return graph.one("LayerNormalization", values, gain, shift, axis=-1, epsilon=EPSILON)


def _linear(graph: _Graph, tokens: str, name: str, weight: Array) -> str:
    """Multiply (T, K) by the transpose of `weight` (N, K)."""
    if graph.precision is Precision.FULL:
        return graph.one("MatMul", tokens, graph.constant(name, weight.T))
    largest = 63 if graph.precision is Precision.NARROW else 127
    column_scale = (np.abs(weight).max(axis=1) / largest).astype(np.float32)
    whole = np.rint(weight / column_scale[:, None]).astype(np.int8)
    quantised, token_scale = _quantise_tokens(graph, tokens)
    product = graph.one(
        "MatMulIntegerToFloat", quantised, graph.constant(name, whole.T),
        graph.constant("one", np.float32(1)), graph.constant(name + ".scale", column_scale),
        graph.constant("middle", np.uint8(128)), domain=FUSED,
    )  # fmt: skip
    return graph.one("Mul", product, token_scale)


def _quantise_tokens(graph: _Graph, tokens: str) -> tuple[str, str]:
    """Round each row of (T, K) to 8 bits around 128; also return its scale, (T, 1)."""
    largest = graph.one("ReduceMax", graph.one("Abs", tokens), graph.integers(1), keepdims=1)
    scale = graph.one("Mul", largest, graph.constant("step", np.float32(1 / 127)))
    flat = graph.one("Squeeze", scale, graph.integers(1))
    if not graph.middles:
        graph.middles = graph.one("Expand", graph.constant("middle", np.uint8(128)), graph.one("Shape", flat))
    return graph.one("QuantizeLinear", tokens, flat, graph.middles, axis=0), scale


def probe() -> tuple[bytes, Mapping[str, NDArray[np.uint8]], int]:
    """A tiny integer product, its input and the exact result.

    Processors without 8-bit dot products add pairs in 16 bits and saturate: there the product comes out
    wrong, and so would every vector. Weights of seven bits are exact there too.
    """
    depth, columns = 64, 32
    right = np.full((depth, columns), 127, np.int8)
    node = helper.make_node("MatMulInteger", ["left", "right"], ["product"])
    described = helper.make_tensor_value_info
    made = helper.make_graph(
        [node], "probe", [described("left", TensorProto.UINT8, [2, depth])],
        [described("product", TensorProto.INT32, [2, columns])], [numpy_helper.from_array(right, "right")],
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    return model.SerializeToString(), {"left": np.full((2, depth), 255, np.uint8)}, 255 * 127 * depth


def window_sizes(length: int, limit: int) -> Sequence[int]:
    """Cut `length` pieces into the fewest windows of at most `limit`, as even as can be; none is empty."""
    count = max(1, -(-length // limit))
    small, larger = divmod(length, count)
    return [small + 1] * larger + [small] * (count - larger)
