# SPDX-License-Identifier: Apache-2.0
"""A llama-architecture GGUF file whose linear layers have the shapes of a MatMul-free LM.

    python -m benchmarks.peers.gguf_model --type TQ2_0 --dim 1024 --layers 24 --glu-width 2816 \
        --vocabulary 32000 -o model.gguf

Both models have four dim x dim matrices per layer (f, i, g, o: query, key, value, output), gate and
up of glu_width x dim, down of dim x glu_width, and a head of vocabulary x dim. All of them are
ternary here. The layers share their random values, not their place in the file: speed depends on
the bytes read. Attention is what a llama has beside that; a short context makes it small.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import gguf
import numpy as np

TYPES = ("TQ1_0", "TQ2_0")
#: Context the file declares; what is used is set when it is opened.
CONTEXT = 2048
HEAD_WIDTH = 128


def write_model(
    path: Path, kind: str, dim: int, layers: int, glu_width: int, vocabulary: int
) -> None:
    """Write the file."""
    quantisation = gguf.GGMLQuantizationType[kind]
    random = np.random.default_rng(0)

    def ternary(rows: int, inputs: int) -> Any:
        # Scaled like a trained layer, so that activations stay in range.
        scale = np.float32((2 / 3 * inputs) ** -0.5)
        weights = random.integers(-1, 2, (rows, inputs)).astype(np.float32) * scale
        return gguf.quants.quantize(weights, quantisation)

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("random")
    writer.add_block_count(layers)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(dim)
    writer.add_feed_forward_length(glu_width)
    writer.add_head_count(dim // HEAD_WIDTH)
    writer.add_head_count_kv(dim // HEAD_WIDTH)
    writer.add_rope_dimension_count(HEAD_WIDTH)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(vocabulary)
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{kind}"])
    writer.add_tokenizer_model("none")

    ones = np.ones(dim, np.float32)
    square, wide, narrow = ternary(dim, dim), ternary(glu_width, dim), ternary(dim, glu_width)
    embedding = random.normal(0, 1, (vocabulary, dim)).astype(np.float16)
    writer.add_tensor("token_embd.weight", embedding)
    for layer in range(layers):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", ones)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", square, raw_dtype=quantisation)
        for name, matrix in (("ffn_gate", wide), ("ffn_up", wide), ("ffn_down", narrow)):
            writer.add_tensor(f"blk.{layer}.{name}.weight", matrix, raw_dtype=quantisation)
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("output.weight", ternary(vocabulary, dim), raw_dtype=quantisation)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--type", choices=TYPES, required=True)
    for name in ("dim", "layers", "glu-width", "vocabulary"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    write_model(
        options.output,
        options.type,
        options.dim,
        options.layers,
        options.glu_width,
        options.vocabulary,
    )


if __name__ == "__main__":
    main()
