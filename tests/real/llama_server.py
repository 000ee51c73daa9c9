"""llama.cpp's own server (from the package xllamacpp) with a model of random numbers.

    python llama_server.py FOLDER

Run by the Python of ``.cache/llama``, which has xllamacpp and gguf. Writes the model into FOLDER,
prints the server's URL, and serves until stdin ends. The model says nothing of sense, but the
server counts its tokens as it does for any.
"""

from __future__ import annotations

import sys
from pathlib import Path

_WIDTH, _INNER, _HEADS, _CONTEXT = 64, 128, 4, 16_384
_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
_WORDS = [f"{a}{b}" for a in _LETTERS for b in _LETTERS[:18]]
_TEMPLATE = "{% for one in messages %}{{ one['content'] }}\n{% endfor %}"


def write_model(path: Path) -> None:
    """A llama of one layer, about 500 KB, that ends its answers after some hundred tokens."""
    import gguf  # type: ignore[import-not-found]
    import numpy as np  # type: ignore[import-not-found]

    normal, byte, control = 1, 6, 3
    tokens = [("<unk>", 2), ("<s>", control), ("</s>", control)]
    tokens += [(f"<0x{number:02X}>", byte) for number in range(256)]
    tokens += [("\u2581", normal), *((letter, normal) for letter in _LETTERS)]
    tokens += [(word, normal) for word in _WORDS]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in tokens])
    writer.add_token_scores([-float(place) for place in range(len(tokens))])
    writer.add_token_types([kind for _, kind in tokens])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(_TEMPLATE)
    random = np.random.default_rng(7)

    def add(name: str, *shape: int) -> None:
        data = random.normal(0, 0.05, shape).astype(np.float32)
        writer.add_tensor(name, np.ones(shape, np.float32) if "norm" in name else data)

    add("token_embd.weight", len(tokens), _WIDTH)
    add("output_norm.weight", _WIDTH)
    add("output.weight", len(tokens), _WIDTH)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        add(f"blk.0.{name}.weight", _WIDTH, _WIDTH)
    for name in ("attn_norm", "ffn_norm"):
        add(f"blk.0.{name}.weight", _WIDTH)
    for name in ("ffn_gate", "ffn_up"):
        add(f"blk.0.{name}.weight", _INNER, _WIDTH)
    add("blk.0.ffn_down.weight", _WIDTH, _INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Write the model, serve it, and stay for as long as stdin is open."""
    import xllamacpp  # type: ignore[import-not-found]

    path = Path(sys.argv[1]) / "random.gguf"
    write_model(path)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = _CONTEXT
    params.n_parallel = 1
    params.port = 0
    params.warmup = False
    params.use_jinja = True
    params.cpuparams.n_threads = 1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
