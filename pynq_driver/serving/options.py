# SPDX-License-Identifier: Apache-2.0
"""Options that this server does not have: which values of them mean nothing, and a word for others.

Clients send many by default. A value that changes nothing is taken; any other is refused by name,
so that nobody gets other text than asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pynq_driver.serving.errors import bad_request

#: Options that change nothing here: labels, hints to somebody else's infrastructure, and details of
#: samplers that are off, which another option says.
_IGNORED = frozenset(
    {
        "cache_prompt",
        "cache_salt",
        "dry_allowed_length",
        "dry_base",
        "dry_penalty_last_n",
        "dry_sequence_breakers",
        "dynatemp_exponent",
        "keep_alive",
        "metadata",
        "mirostat_eta",
        "mirostat_tau",
        "num_retries",
        "parallel_tool_calls",
        "penalty_range",
        "priority",
        "prompt_cache_key",
        "prompt_cache_retention",
        "rep_pen_range",
        "rep_pen_slope",
        "repeat_last_n",
        "repetition_penalty_range",
        "request_id",
        "safety_identifier",
        "service_tier",
        "session_id",
        "smoothing_curve",
        "store",
        "user",
        "xtc_threshold",
    }
)
#: Values that mean "off", beside null, which always does.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "add_bos_token": (True,),
    "add_special_tokens": (True,),
    "allowed_token_ids": ([],),
    "bad_words": ([],),
    "ban_eos_token": (False,),
    "banned_strings": ([],),
    "banned_tokens": ([], ""),
    "best_of": (1,),
    "continue_final_message": (False,),
    "custom_token_bans": ("",),
    "detokenize": (True,),
    "do_sample": (True,),
    "dry_multiplier": (0,),
    "dynatemp_range": (0,),
    "early_stopping": (False,),
    "echo": (False,),
    "encoder_repetition_penalty": (1,),
    "epsilon_cutoff": (0,),
    "eta_cutoff": (0,),
    "extra_body": ({},),
    "extra_headers": ({},),
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": ([],),
    "grammar": ("",),
    "grammar_string": ("",),
    "guidance_scale": (1,),
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
    "n_predict": (-1,),
    "negative_prompt": ("",),
    "no_repeat_ngram_size": (0,),
    "nsigma": (0,),
    "num_beams": (1,),
    "penalty_alpha": (0,),
    "presence_penalty": (0,),
    "prompt_logprobs": (0, False),
    "provider": ({},),
    "reasoning_effort": ("none",),
    "rep_pen": (1,),
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
    "top_n_sigma": (-1, 0),
    "transforms": ([],),
    "typical": (1,),
    "typical_p": (1,),
    "usage": ({"include": False},),
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
        if not _is_neutral(name, value):
            raise bad_request(
                f"{name} is not supported by this server: leave it out", name, "unsupported"
            )


def _is_neutral(name: str, value: Any) -> bool:
    """Whether a value of an option of the table means "off"."""
    if name == "logit_bias" and isinstance(value, dict):
        return all(same_json(item, 0) for item in value.values())
    return any(same_json(value, item) for item in _NEUTRAL[name])


def same_json(one: Any, other: Any) -> bool:
    """Equality of JSON values: 0 is 0.0, but not false."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
