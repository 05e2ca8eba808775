# SPDX-License-Identifier: Apache-2.0
"""What `generation_config.json` asks for: default sampling, and what has no effect here.

Meanings and defaults are those of `GenerationConfig` in Transformers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tritforge.errors import CheckpointError, ConfigurationError
from tritforge.language_model.image_header import Sampling

#: Our name -> name in the file, and the value that Transformers samples with if there is none.
_SAMPLING: Mapping[str, tuple[str, float | None]] = {
    "temperature": ("temperature", 1.0),
    "top_k": ("top_k", 50),
    "top_p": ("top_p", 1.0),
    "max_tokens": ("max_new_tokens", None),
}
#: What an explicit null means.
_OFF: Mapping[str, float] = {"top_k": 0, "top_p": 1.0}
#: Settings with an effect on the text that generation here does not have, and their neutral values.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "constraints": ([],),
    "diversity_penalty": (0,),
    "early_stopping": (False,),
    "encoder_no_repeat_ngram_size": (0,),
    "encoder_repetition_penalty": (1,),
    "epsilon_cutoff": (0,),
    "eta_cutoff": (0,),
    "forced_bos_token_id": (),
    "guidance_scale": (1,),
    "length_penalty": (1,),
    "max_length": (20,),
    "min_length": (0,),
    "min_p": (0,),
    "no_repeat_ngram_size": (0,),
    "num_beam_groups": (1,),
    "num_beams": (1,),
    "num_return_sequences": (1,),
    "penalty_alpha": (0,),
    "remove_invalid_values": (False,),
    "renormalize_logits": (False,),
    "repetition_penalty": (1,),
    "suppress_tokens": ([],),
    "begin_suppress_tokens": ([],),
    "bad_words_ids": ([],),
    "token_healing": (False,),
    "typical_p": (1,),
}
#: Names in a report, which also goes into the image's header.
_MOST_NAMES = 20
_LONGEST_NAME = 60
#: Settings without an effect on the text, and those that are honoured elsewhere.
_SILENT = frozenset(
    {
        "_commit_hash",
        "_from_model_config",
        "assistant_confidence_threshold",
        "assistant_early_exit",
        "assistant_lookbehind",
        "bos_token_id",
        "cache_config",
        "cache_implementation",
        "chat_format",
        "compile_config",
        "custom_generate",
        "decoder_start_token_id",
        "disable_compile",
        "do_sample",
        "eos_token_id",
        "is_assistant",
        "low_memory",
        "max_matching_ngram_size",
        "max_window_size",
        "num_assistant_tokens",
        "num_assistant_tokens_schedule",
        "output_attentions",
        "output_hidden_states",
        "output_logits",
        "output_scores",
        "pad_token_id",
        "prefill_chunk_size",
        "prompt_lookup_num_tokens",
        "return_dict_in_generate",
        "return_legacy_cache",
        "target_lookbehind",
        "transformers_version",
        "trust_remote_code",
        "use_cache",
        *(theirs for theirs, _ in _SAMPLING.values()),
    }
)


def default_sampling(generation: Mapping[str, Any]) -> Sampling:
    """Sampling of an image; what the file does not say is this project's default.

    `do_sample: false` is greedy whatever temperature is left in the file; with `do_sample: true`
    the defaults are Transformers' own.

    Raises:
        CheckpointError: a value is out of range.
    """
    sample = generation.get("do_sample")
    if sample is not None and not isinstance(sample, bool):
        raise CheckpointError(f"generation_config.json: do_sample = {sample!r}: true or false")
    given: dict[str, Any] = {}
    for ours, (theirs, default) in _SAMPLING.items():
        if generation.get(theirs) is not None:
            given[ours] = generation[theirs]
        elif theirs in generation and ours in _OFF:
            given[ours] = _OFF[ours]
        elif sample and default is not None:
            given[ours] = default
    if sample is False:
        given["temperature"] = 0
    try:
        return Sampling(**given)
    except ConfigurationError as error:
        raise CheckpointError(f"generation_config.json: {error}") from None


def not_honoured(generation: Mapping[str, Any], begin_token: int) -> list[str]:
    """Settings that would change the text and have no effect here, each as `name = value`.

    Args:
        begin_token: of `config.json`, the one in use.
    """
    ignored = [
        f"{name} = {value!r}"
        for name, value in sorted(generation.items())
        if name not in _SILENT
        and value is not None
        and not any(_same(value, item) for item in _NEUTRAL.get(name, ()))
    ]
    other_begin = generation.get("bos_token_id")
    if other_begin is not None and other_begin != begin_token:
        ignored.append(f"bos_token_id = {other_begin!r}")
    return [_short(text) for text in ignored][:_MOST_NAMES]


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON values: 1 is 1.0, but not true."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _short(text: str) -> str:
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]} ..."
