"""llama.cpp's own server over a model of random weights that is made here: 117 kB, 1 layer."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

N_CTX = 4096
_WORDS = ("▁moss", "▁roof", "▁rain", "▁holds", "▁water", "▁the", "▁[1]", ".", "▁")
_WIDTH, _INNER, _HEADS = 32, 64, 2
_SERVE = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.port = sys.argv[1], int(sys.argv[2]), 0
params.n_parallel, params.warmup, params.cpuparams.n_threads = 1, False, 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@contextmanager
def llama_server(folder: Path) -> Iterator[str]:
    """The base URL of a running server; it ends with the block."""
    model = folder / "tiny.gguf"
    write_model(model)
    command = [sys.executable, "-c", _SERVE, str(model), str(N_CTX)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as server:  # type: ignore[call-overload]
        try:
            address = server.stdout.readline().strip()
            assert address, "the server of llama.cpp did not start"
            yield f"{address}/v1"
        finally:
            server.kill()


def write_model(path: Path) -> None:
    """A model in llama.cpp's format that writes words of `_WORDS` in no order."""
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(N_CTX)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *_WORDS]
    kinds = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 2, *[gguf.TokenType.BYTE] * 256]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_types([*kinds, *[gguf.TokenType.NORMAL] * len(_WORDS)])
    writer.add_token_scores([0.0] * len(kinds) + [-float(i) for i in range(len(_WORDS))])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, weights in _weights(len(tokens)):
        writer.add_tensor(name, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _weights(n_tokens: int) -> Iterator[tuple[str, np.ndarray]]:
    random = np.random.default_rng(0)
    shapes = {
        "token_embd": (n_tokens, _WIDTH), "output": (n_tokens, _WIDTH),
        "blk.0.attn_q": (_WIDTH, _WIDTH), "blk.0.attn_k": (_WIDTH, _WIDTH),
        "blk.0.attn_v": (_WIDTH, _WIDTH), "blk.0.attn_output": (_WIDTH, _WIDTH),
        "blk.0.ffn_gate": (_INNER, _WIDTH), "blk.0.ffn_up": (_INNER, _WIDTH),
        "blk.0.ffn_down": (_WIDTH, _INNER),
    }  # fmt: skip
    for name, shape in shapes.items():
        weights = random.normal(0, 0.3, shape).astype(np.float32)
        if name == "output":
            weights[: n_tokens - len(_WORDS)] = 0  # neither bytes nor an early end
        yield f"{name}.weight", weights
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        yield f"{name}.weight", np.ones(_WIDTH, np.float32)
