# SPDX-License-Identifier: Apache-2.0
"""llama.cpp through llama-cpp-python's C interface: its own decode loop and greedy sampler."""

from __future__ import annotations

import ctypes
import time

import llama_cpp

#: Small, so that attention costs next to nothing.
CONTEXT = 256
PROMPT_TOKENS = 4


@llama_cpp.llama_log_callback
def _no_log(level: int, text: bytes, data: ctypes.c_void_p) -> None:
    pass


class LlamaCppEngine:
    """A GGUF file on llama.cpp."""

    def __init__(
        self, model: str, threads: int, flash_attention: bool = True, batch: int = 128
    ) -> None:
        llama_cpp.llama_log_set(_no_log, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        model_options = llama_cpp.llama_model_default_params()
        model_options.n_gpu_layers = 0
        self._model = llama_cpp.llama_model_load_from_file(model.encode(), model_options)
        if not self._model:
            raise RuntimeError(f"llama.cpp cannot load {model}")
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = CONTEXT
        options.n_batch = options.n_ubatch = batch
        options.n_threads = options.n_threads_batch = threads
        options.flash_attn_type = int(flash_attention)
        self._context = llama_cpp.llama_init_from_model(self._model, options)
        if not self._context:
            raise RuntimeError(f"llama.cpp cannot make a context for {model}")
        self._sampler = llama_cpp.llama_sampler_init_greedy()
        vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        self._vocabulary = llama_cpp.llama_vocab_n_tokens(vocabulary)

    def decode(self, tokens: int) -> float:
        """See Engine."""
        self._start(PROMPT_TOKENS)
        token = self._choose()
        started = time.perf_counter()
        for _ in range(tokens):
            self._advance([token])
            token = self._choose()
        return time.perf_counter() - started

    def prefill(self, tokens: int) -> float:
        """See Engine."""
        started = time.perf_counter()
        self._start(tokens)
        llama_cpp.llama_synchronize(self._context)
        return time.perf_counter() - started

    def _start(self, tokens: int) -> None:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)
        self._advance([(7919 * position + 3) % self._vocabulary for position in range(tokens)])

    def _advance(self, tokens: list[int]) -> None:
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        status = llama_cpp.llama_decode(
            self._context, llama_cpp.llama_batch_get_one(array, len(tokens))
        )
        if status != 0:
            raise RuntimeError(f"llama_decode gives {status}")

    def _choose(self) -> int:
        return int(llama_cpp.llama_sampler_sample(self._sampler, self._context, -1))


def open_engine(
    model: str, threads: int, flash_attention: bool = True, batch: int = 128
) -> LlamaCppEngine:
    """See worker."""
    return LlamaCppEngine(model, threads, flash_attention, batch)
