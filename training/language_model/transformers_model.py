# SPDX-License-Identifier: Apache-2.0
"""HGRNBit for Hugging Face Transformers: `AutoModelForCausalLM` reads, trains and saves it.

Importing this module registers the model under upstream's name, `hgrn_bit`. It needs the package
`transformers`. Source of names and options: `mmfreelm/models/hgrn_bit` of ridgerchu/matmulfreellm.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.generation import GenerationMixin
from transformers.modeling_outputs import CausalLMOutput

from training.language_model.bit_linear import BitLinear
from training.language_model.model import Backbone, initialise_matrices
from tritforge.errors import CheckpointError
from tritforge.language_model.convert.checkpoint import (
    MODEL_TYPE,
    SUPPORTED_OPTIONS,
    configuration_epsilons,
    configuration_shape,
)
from tritforge.language_model.convert.random_checkpoint import BEGIN_TOKEN, END_TOKEN
from tritforge.language_model.float_parameters import USUAL_EPSILONS

#: Label of a token that has no part in the loss, as everywhere in Transformers.
_NO_LABEL = -100


class HGRNBitConfig(PreTrainedConfig):
    """Options of upstream's `config.json`; the defaults are those of MMfreeLM-1.3B."""

    model_type = MODEL_TYPE

    def __init__(
        self,
        vocab_size: int = 32000,
        hidden_size: int = 2048,
        num_hidden_layers: int = 24,
        intermediate_size: int | None = None,
        hidden_ratio: int = 4,
        num_heads: int = 1,
        rms_norm_eps: float = USUAL_EPSILONS.norm,
        **others: Any,
    ) -> None:
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.num_hidden_layers, self.num_heads = num_hidden_layers, num_heads
        self.intermediate_size, self.hidden_ratio = intermediate_size, hidden_ratio
        self.rms_norm_eps = rms_norm_eps
        for name, value in SUPPORTED_OPTIONS.items():
            if name != "tie_word_embeddings":
                setattr(self, name, others.pop(name, value))
        others = {
            "bos_token_id": BEGIN_TOKEN,
            "eos_token_id": END_TOKEN,
            "tie_word_embeddings": SUPPORTED_OPTIONS["tie_word_embeddings"],
            # The model has a state, not a cache of keys and values.
            "use_cache": False,
            **others,
        }
        super().__init__(**others)


class HGRNBitForCausalLM(PreTrainedModel, GenerationMixin):
    """The plain model of `training.language_model.model` with the interface of Transformers.

    `generate` computes the whole text again for every token; to run a model, convert it with
    `tritforge convert`.
    """

    config_class = HGRNBitConfig
    base_model_prefix = "model"

    def __init__(self, config: HGRNBitConfig) -> None:
        """
        Raises:
            CheckpointError: an option changes the computation and is not supported.
        """
        super().__init__(config)
        configuration = config.to_dict()
        shape = configuration_shape(configuration)
        if configuration_epsilons(configuration) != USUAL_EPSILONS:
            raise CheckpointError(
                f"rms_norm_eps = {config.rms_norm_eps}: only {USUAL_EPSILONS.norm} is trained with"
            )
        self.model = Backbone(shape)
        self.lm_head = BitLinear(shape.dim, shape.vocabulary)
        initialise_matrices(self, shape.layers)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Transformers calls it for every module: the first weights are those of `__init__`."""

    def get_input_embeddings(self) -> nn.Module:
        """The embedding (vocabulary, dim)."""
        return self.model.embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the embedding."""
        self.model.embeddings = value

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **ignored: Any,
    ) -> CausalLMOutput:
        """Logits and, with labels, the mean cross-entropy in nats per token.

        Args:
            input_ids: (batch, time) token ids.
            attention_mask: (batch, time), 0 for padding, which may stand at the end only: a state
                runs from left to right, and the padding in front of a text would change it.
            labels: (batch, time) ids, those of `input_ids`; -100 counts for nothing.

        Returns:
            Logits (batch, time, vocabulary), and the loss or None.

        Raises:
            ValueError: padding in front of a text.
        """
        if attention_mask is not None and (attention_mask.diff(dim=1) > 0).any():
            raise ValueError("padding in front of a text changes its state: pad on the right")
        logits = self.lm_head(self.model.norm(self.model(input_ids)))
        loss = None
        if labels is not None:
            loss = functional.cross_entropy(
                logits[:, :-1].flatten(0, 1).float(),
                labels[:, 1:].flatten(),
                ignore_index=_NO_LABEL,
            )
        return CausalLMOutput(loss=loss, logits=logits)

    def prepare_inputs_for_generation(self, input_ids: Tensor, **others: Any) -> dict[str, Any]:
        """Arguments of `forward` for the next token."""
        return {"input_ids": input_ids, "attention_mask": others.get("attention_mask")}


AutoConfig.register(MODEL_TYPE, HGRNBitConfig, exist_ok=True)
AutoModelForCausalLM.register(HGRNBitConfig, HGRNBitForCausalLM, exist_ok=True)
