"""ONNX Runtime: opens networks that are written in memory and whose weights come from outside."""

import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # it brings no types
from numpy.typing import NDArray

Session: TypeAlias = Any  # onnxruntime.InferenceSession


def open_session(model: bytes, weights: Mapping[str, NDArray[Any]]) -> Session:
    """A session over the model's bytes, which runs in the thread that calls it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_external_initializers(
        list(weights), [onnxruntime.OrtValue.ortvalue_from_numpy(w) for w in weights.values()]
    )
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def multiplies_whole_bytes() -> bool:
    """Whether products of bytes are exact here over their whole range.

    x86 without VNNI adds two products in 16 bits, which end at 32,767.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    try:
        return "vnni" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def multiply_bytes(left: NDArray[np.uint8], right: NDArray[np.int8]) -> NDArray[np.int32]:
    """The matrix product, those on the left counted from 64, in the calling thread alone.

    The left must be below 128: sums of two products then fit the 16 bits that processors without
    VNNI have for them. Numpy has none of bytes, and its own of floats wakes threads that spin for
    30 ms after each.
    """
    (product,) = _multiplier().run(None, {"left": left, "right": right})
    return np.asarray(product, np.int32)


@cache  # an operator, not a state
def _multiplier() -> Session:
    from onnx import TensorProto as Tensor
    from onnx import helper

    node = helper.make_node("MatMulInteger", ["left", "right", "middle"], ["product"])
    inputs = [
        helper.make_tensor_value_info("left", Tensor.UINT8, [None, None]),
        helper.make_tensor_value_info("right", Tensor.INT8, [None, None]),
    ]
    output = helper.make_tensor_value_info("product", Tensor.INT32, [None, None])
    middle = helper.make_tensor("middle", Tensor.UINT8, [], [64])
    made = helper.make_graph([node], "multiply", inputs, [output], [middle])
    model = helper.make_model(made, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])
    return open_session(model.SerializeToString(), {})
