# SPDX-License-Identifier: Apache-2.0
"""A whole run: text to tokenizer, model and checkpoint, in the processes that were started."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from training.language_model.checkpoint_folder import TOKENIZER_FILE
from training.language_model.corpus import documents_of, encode_corpus, tokenizer_of
from training.language_model.integer_sigmoid import IntegerSigmoid
from training.language_model.model import HGRNBit
from training.language_model.options import TrainingOptions
from training.language_model.parallel import Processes, processes
from training.language_model.trainer import STATE_FILE, Habits, Trainer
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.language_model.config import SigmoidKind
from tritforge.language_model.tokenizer import load_tokenizer
from tritforge.whole_file import write_whole_text

_USUAL_HABITS = Habits()


@dataclass(frozen=True)
class RunReport:
    """What a run came to.

    Attributes:
        parameters: numbers in the model.
        training_tokens, validation_tokens: of the text.
        nats_per_token: held-out loss.
        is_first: whether this process is the one that reports.
    """

    parameters: int
    training_tokens: int
    validation_tokens: int
    nats_per_token: float
    is_first: bool


def train(
    texts: Sequence[str],
    folder: Path,
    options: TrainingOptions,
    habits: Habits = _USUAL_HABITS,
    resume: bool = False,
    device: str | None = None,
    kernels: str = "auto",
    held_out: Sequence[str] = (),
    tokenizer_text: str | None = None,
) -> RunReport:
    """Train a model from text, and leave a Hugging Face checkpoint in `folder`.

    Args:
        texts: contents of the text files; what stands in several is seen more often.
        options: the vocabulary of its shape is the largest; a small text makes a smaller one.
        resume: go on from the state in `folder`.
        device: as PyTorch names devices; default: a GPU if there is one.
        kernels: "fused" for Triton, "plain" for PyTorch, "auto" for fused on a GPU.
        held_out: texts to measure on, instead of one document in twenty.
        tokenizer_text: contents of a tokenizer.json to use, instead of one trained on the text.

    Raises:
        TritforgeError: too little text, a folder in use, options that do not fit, a tokenizer that
            cannot be read or is larger than the vocabulary.
    """
    with processes(device) as group:
        if resume != (folder / STATE_FILE).exists():
            raise TritforgeError(
                f"{folder} has no {STATE_FILE} to resume from: leave out --resume"
                if resume
                else f"{folder} holds a training run: give --resume to go on, or another --out"
            )
        group.wait()
        documents = documents_of(texts)
        if group.is_first and not resume:
            folder.mkdir(parents=True, exist_ok=True)
            tokenizer = tokenizer_of(documents, options.shape.vocabulary, tokenizer_text)
            write_whole_text(folder / TOKENIZER_FILE, tokenizer.to_str())
        group.wait()
        tokenizer = load_tokenizer((folder / TOKENIZER_FILE).read_bytes())
        measured = documents_of(held_out) if held_out else ()
        corpus = encode_corpus(documents, tokenizer, options.length, measured)
        shape = replace(options.shape, vocabulary=tokenizer.get_vocab_size())
        options = replace(options, shape=shape)
        model = make_model(options, kernels, group)
        trainer = Trainer(model, corpus, options, habits, folder, group, resume)
        loss = trainer.run()
        return RunReport(
            sum(parameter.numel() for parameter in model.parameters()),
            len(corpus.training),
            len(corpus.validation),
            loss,
            group.is_first,
        )


def make_model(options: TrainingOptions, kernels: str, group: Processes) -> HGRNBit:
    """A new model on the device of the group; the same weights in every process.

    Raises:
        ConfigurationError: fused kernels where they do not run, or with an integer sigmoid.
    """
    is_gpu = group.device.type == "cuda"
    has_triton = importlib.util.find_spec("triton") is not None
    if kernels == "fused" and not (is_gpu and has_triton):
        raise ConfigurationError(
            f"the fused kernels need a GPU and Triton; the device is {group.device}: leave out "
            "--kernels or give plain"
        )
    generator = torch.Generator().manual_seed(options.seed)
    is_exact = options.sigmoid == "exact"
    if kernels == "fused" and not is_exact:
        raise ConfigurationError(
            f"the fused kernels have the exact sigmoid alone, not {options.sigmoid}: leave out "
            "--kernels or --sigmoid"
        )
    if kernels == "fused" or (kernels == "auto" and is_gpu and has_triton and is_exact):
        from training.language_model.fused_model import FusedHGRNBit

        model: HGRNBit = FusedHGRNBit(options.shape, generator)
    else:
        sigmoid = torch.sigmoid if is_exact else IntegerSigmoid(SigmoidKind(options.sigmoid))
        model = HGRNBit(options.shape, generator, sigmoid)
    model.model.separates_documents = options.separate_documents
    return model.to(group.device)
