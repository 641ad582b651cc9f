"""ONNX Runtime: opens networks that are written in memory and whose weights come from outside."""

from collections.abc import Mapping
from typing import Any, TypeAlias

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
