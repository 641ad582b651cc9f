"""ONNX Runtime: opens networks that are written in memory and whose weights come from outside."""

import platform
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # it brings no types
from numpy.typing import NDArray

Session: TypeAlias = Any  # onnxruntime.InferenceSession

OPSET = 20  # the first with Gelu as an operator
MIDDLE = 64  # the byte that stands for 0 in products of bytes


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
    """The matrix product, those on the left counted from `MIDDLE`, in the calling thread alone.

    Numpy has none of bytes, and its own of floats wakes threads that spin for 30 ms after each.
    """
    (product,) = _multiplier().run(None, {"left": left, "right": right})
    return np.asarray(product, np.int32)


@cache  # an operator, not a state
def _multiplier() -> Session:
    return byte_multiplier()


def byte_multiplier(matrix: NDArray[np.int8] | None = None) -> Session:
    """A session that multiplies "left", bytes counted from `MIDDLE`, by "right", or by this matrix.

    The left must be below 128: sums of two products then fit the 16 bits that processors without
    VNNI have for them.
    """
    from onnx import TensorProto as Tensor
    from onnx import helper

    inputs = [helper.make_tensor_value_info("left", Tensor.UINT8, [None, None])]
    held = [helper.make_tensor("middle", Tensor.UINT8, [], [MIDDLE])]
    if matrix is None:
        inputs.append(helper.make_tensor_value_info("right", Tensor.INT8, [None, None]))
    else:
        held.append(external("right", matrix.shape, Tensor.INT8))
    node = helper.make_node("MatMulInteger", ["left", "right", "middle"], ["product"])
    output = helper.make_tensor_value_info("product", Tensor.INT32, [None, None])
    made = helper.make_graph([node], "multiply", inputs, [output], held)
    model = helper.make_model(made, ir_version=9, opset_imports=[helper.make_opsetid("", OPSET)])
    return open_session(model.SerializeToString(), {} if matrix is None else {"right": matrix})


def external(name: str, shape: Sequence[int], kind: int = 1) -> Any:  # onnx.TensorProto
    """A weight that the session gets from outside; `kind` is its TensorProto type, 1 float32."""
    from onnx import TensorProto

    tensor = TensorProto(name=name, dims=shape, data_type=kind, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="weights")
    return tensor
