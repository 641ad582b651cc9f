"""ONNX Runtime: opens networks that are written in memory and whose weights come from outside."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import onnxruntime  # type: ignore[import-untyped]  # it brings no types
from numpy.typing import NDArray

Session: TypeAlias = Any  # onnxruntime.InferenceSession


def open_session(model: bytes, weights: Mapping[str, NDArray[Any]], threads: int) -> Session:
    """A session over the model's bytes, which runs in that many threads, the caller's included."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads spin for as long as one operator takes, and no longer: spinning on took a
    # third of all CPU time where ten ask at once on two cores; without any, the second core is
    # woken too late to help (14 tokens: 6.7 ms on two cores as on one, 4.2 with this).
    options.add_session_config_entry("session.intra_op.spin_duration_us", "50")
    options.add_external_initializers(
        list(weights), [onnxruntime.OrtValue.ortvalue_from_numpy(w) for w in weights.values()]
    )
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
