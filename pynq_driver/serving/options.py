# SPDX-License-Identifier: Apache-2.0
"""Options that this server does not have: which values of them mean nothing, and a word for others.

Clients send many by default. A value that changes nothing is taken; any other is refused by name,
so that nobody gets other text than asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pynq_driver.serving.errors import bad_request

#: Options that change nothing here: labels, and hints to somebody else's infrastructure.
_IGNORED = frozenset(
    {
        "cache_prompt",
        "cache_salt",
        "keep_alive",
        "metadata",
        "num_retries",
        "parallel_tool_calls",
        "priority",
        "prompt_cache_key",
        "prompt_cache_retention",
        "request_id",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
    }
)
#: Values that mean "off", beside null, which always does.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "add_special_tokens": (True,),
    "allowed_token_ids": ([],),
    "bad_words": ([],),
    "best_of": (1,),
    "continue_final_message": (False,),
    "detokenize": (True,),
    "do_sample": (True,),
    "dry_multiplier": (0,),
    "dynatemp_range": (0,),
    "early_stopping": (False,),
    "encoder_repetition_penalty": (1,),
    "epsilon_cutoff": (0,),
    "eta_cutoff": (0,),
    "extra_body": ({},),
    "extra_headers": ({},),
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": ([],),
    "grammar": ("",),
    "guided_choice": ([],),
    "guided_grammar": ("",),
    "guided_json": ({}, ""),
    "guided_regex": ("",),
    "ignore_eos": (False,),
    "include_stop_str_in_output": (False,),
    "json_schema": ({},),
    "length_penalty": (1,),
    "logit_bias": ({}, []),
    "min_p": (0,),
    "min_tokens": (0,),
    "mirostat": (0,),
    "mirostat_mode": (0,),
    "mm_processor_kwargs": ({},),
    "modalities": (["text"],),
    "no_repeat_ngram_size": (0,),
    "num_beams": (1,),
    "penalty_alpha": (0,),
    "presence_penalty": (0,),
    "prompt_logprobs": (0, False),
    "reasoning_effort": ("none",),
    "repeat_penalty": (1,),
    "repetition_penalty": (1,),
    "response_format": ({"type": "text"},),
    "skip_special_tokens": (True,),
    "smoothing_factor": (0,),
    "spaces_between_special_tokens": (True,),
    "stop_token_ids": ([],),
    "suffix": ("",),
    "text": ({"format": {"type": "text"}},),
    "tfs": (1,),
    "tfs_z": (1,),
    "top_a": (0,),
    "typical": (1,),
    "typical_p": (1,),
    "use_beam_search": (False,),
    "verbosity": ("medium",),
    "xtc_probability": (0,),
}


def refuse_unsupported(options: Mapping[str, Any]) -> None:
    """Take options without effect, refuse all others.

    Raises:
        ApiError: names the option and, where there are, the values that are taken.
    """
    for name, value in options.items():
        if name in _IGNORED or value is None:
            continue
        if name not in _NEUTRAL:
            raise bad_request(f"unknown option {name!r}: leave it out", name)
        if not any(same_json(value, item) for item in _NEUTRAL[name]):
            raise bad_request(
                f"{name} is not supported by this server: leave it out", name, "unsupported"
            )


def same_json(one: Any, other: Any) -> bool:
    """Equality of JSON values: 0 is 0.0, but not false."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
