"""The network of all-MiniLM-L6-v2 as an ONNX graph, made in memory.

The weights do not become part of the graph: it only names them, so that it is a few kilobytes and
several sessions can share one copy. Two operators are ONNX Runtime's own: attention, and, where a
layer's weights are rounded to bytes (`minilm_weights.rounded`), their product; all others are
standard.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.runtime import OPSET, external

LAYERS, WIDTH, HEADS, INNER = 6, 384, 12, 1536
EPSILON = 1e-12  # layer_norm_eps of the model's config.json

RUNTIMES_OWN = "com.microsoft"  # operators beyond the standard

# Names of the graph's inputs and of its outputs.
TOKENS, POOL, VECTORS, TOKEN_VECTORS = "tokens", "pool", "vectors", "token_vectors"


class _Graph:
    """Collects nodes; every method adds some and returns the name of their result."""

    def __init__(self, weights: Mapping[str, object]) -> None:
        from onnx import helper

        self.helper: Any = helper  # onnx has no types for its helpers
        self.weights = weights
        self.nodes: list[Any] = []

    def add(self, operator: str, *inputs: str, **attributes: object) -> str:
        result = f"{operator}_{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(operator, inputs, [result], **attributes))
        return result

    def split(self, value: str, parts: int) -> list[str]:
        names = [f"Split_{len(self.nodes)}_{i}" for i in range(parts)]
        node = self.helper.make_node("Split", [value], names, axis=-1, num_outputs=parts)
        self.nodes.append(node)
        return names

    def linear(self, value: str, layer: str) -> str:
        if f"{layer}.bytes" in self.weights:
            return self.rounded(value, layer)
        product = self.add("MatMul", value, f"{layer}.weight")
        return self.add("Add", product, f"{layer}.bias")

    def rounded(self, value: str, layer: str) -> str:
        """`linear` in bytes, which the values are rounded to in steps of one size for all.

        So that no value is much larger than the others, those of a column are divided by its
        `even`, or, where tokens differ more than columns do, those of a token by its largest.
        """
        if f"{layer}.even" in self.weights:
            return self.multiply_bytes(self.add("Mul", value, f"{layer}.even"), layer)
        largest = self.add("ReduceMax", self.add("Abs", value), "last_axis", keepdims=1)
        product = self.multiply_bytes(self.add("Div", value, largest), layer, bias="")
        return self.add("Add", self.add("Mul", product, largest), f"{layer}.bias")

    def multiply_bytes(self, value: str, layer: str, bias: str = "bias") -> str:
        inputs = [value, f"{layer}.bytes", f"{layer}.steps"]
        inputs += ["", f"{layer}.{bias}"] if bias else []
        return self.add("DynamicQuantizeMatMul", *inputs, domain=RUNTIMES_OWN)

    def unit(self, value: str) -> str:
        size = self.add("ReduceL2", value, "last_axis", keepdims=1)
        return self.add("Div", value, self.add("Max", size, "smallest"))

    def norm(self, value: str, layer: str) -> str:
        return self.add(
            "LayerNormalization", value, f"{layer}.weight", f"{layer}.bias", epsilon=EPSILON
        )


def _attend(graph: _Graph, hidden: str, layer: str) -> str:
    """Self-attention of one layer."""
    parts = graph.split(graph.linear(hidden, f"{layer}.qkv"), 3)
    mixed = graph.add("MultiHeadAttention", *parts, domain=RUNTIMES_OWN, num_heads=HEADS)
    return graph.linear(mixed, f"{layer}.out")


def _encode(graph: _Graph) -> str:
    """The contextual vectors of all tokens: word + position embeddings, then the layers."""
    words = graph.add("Gather", "words", TOKENS)
    length = graph.add("Shape", TOKENS, start=1, end=2)
    positions = graph.add("Slice", "positions", "zero", length, "zero")
    hidden = graph.norm(graph.add("Add", words, positions), "embeddings")
    for index in range(LAYERS):
        layer = f"layer{index}"
        attended = _attend(graph, hidden, layer)
        hidden = graph.norm(graph.add("Add", hidden, attended), f"{layer}.norm1")
        inner = graph.add("Gelu", graph.linear(hidden, f"{layer}.up"))
        outer = graph.linear(inner, f"{layer}.down")
        hidden = graph.norm(graph.add("Add", hidden, outer), f"{layer}.norm2")
    return hidden


def build(weights: Mapping[str, NDArray[Any]]) -> bytes:
    """A serialised model that names its weights; the session fills them in.

    Inputs: tokens (batch, length) int64, without padding: there is no attention mask; pool
    (batch, groups, length) float32, the weight of each token in each wanted vector. Outputs:
    vectors (batch, groups, WIDTH), each of length 1 (0 for a group without weights), and
    token_vectors (batch, length, columns of the weight "tokens.axes"), each of length 1.
    """
    from onnx import TensorProto as Tensor  # takes 0.2 s
    from onnx import helper

    graph = _Graph(weights)
    hidden = _encode(graph)
    pooled = graph.unit(graph.add("MatMul", POOL, hidden))
    apart = graph.add("Sub", graph.unit(hidden), "tokens.mean")
    tokens = graph.unit(graph.add("MatMul", apart, "tokens.axes"))
    for result, name in ((pooled, VECTORS), (tokens, TOKEN_VECTORS)):
        graph.nodes.append(helper.make_node("Identity", [result], [name]))
    inputs = [
        helper.make_tensor_value_info(TOKENS, Tensor.INT64, ["batch", "length"]),
        helper.make_tensor_value_info(POOL, Tensor.FLOAT, ["batch", "groups", "length"]),
    ]
    outputs = [
        helper.make_tensor_value_info(VECTORS, Tensor.FLOAT, ["batch", "groups", WIDTH]),
        helper.make_tensor_value_info(TOKEN_VECTORS, Tensor.FLOAT, ["batch", "length", None]),
    ]
    constants = [
        helper.make_tensor("zero", Tensor.INT64, [1], [0]),
        helper.make_tensor("last_axis", Tensor.INT64, [1], [-1]),
        helper.make_tensor("smallest", Tensor.FLOAT, [], [1e-12]),
    ]
    kinds = {np.float32: Tensor.FLOAT, np.int8: Tensor.INT8}
    tensors = [external(n, w.shape, kinds[w.dtype.type]) for n, w in weights.items()]
    made = helper.make_graph(graph.nodes, "minilm", inputs, outputs, constants + tensors)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(RUNTIMES_OWN, 1)]
    model = helper.make_model(made, ir_version=9, opset_imports=opsets)
    return bytes(model.SerializeToString())
