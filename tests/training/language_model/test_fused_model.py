# SPDX-License-Identifier: Apache-2.0
"""The model on kernels against the plain one: losses, every gradient, a whole loss curve."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("triton", reason="needs Triton, whose wheels are for Linux")

from testing.repository import ROOT  # noqa: E402
from training.language_model.batches import batch_starts, sequences  # noqa: E402
from training.language_model.corpus import (  # noqa: E402
    documents_of,
    encode_corpus,
    train_tokenizer,
)
from training.language_model.fused_model import FusedHGRNBit  # noqa: E402
from training.language_model.graphed_gradients import GraphedGradients  # noqa: E402
from training.language_model.model import HGRNBit, ModelLoss  # noqa: E402
from training.language_model.optimisers import Optimisers  # noqa: E402
from training.language_model.options import TrainingOptions  # noqa: E402
from tritforge.language_model.config import ModelShape  # noqa: E402
from tritforge.language_model.convert.random_checkpoint import BEGIN_TOKEN  # noqa: E402

#: Widths that fill no block of a kernel.
SHAPE = ModelShape(dim=24, layers=2, glu_width=40, vocabulary=50)
#: On a GPU more tokens than two chunks of the recurrence; the interpreter is slow.
LENGTH, FEW = 70, 5


def perturbed(model: HGRNBit) -> HGRNBit:
    """Gains and lower bounds away from their first values, so that each of them matters."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1 or "lower_bounds" in name:
                parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
            else:
                parameter *= 5
    return model


@pytest.mark.parametrize(
    ("recompute_glu", "separates_documents"), [(False, False), (True, False), (False, True)]
)
def test_loss_and_gradients_are_those_of_the_plain_model(
    device: torch.device, recompute_glu: bool, separates_documents: bool
) -> None:
    # The last bit of a compiled kernel moves codes next to a half, that of the interpreter not.
    tolerance = 1e-4 if device.type == "cpu" else 1e-3
    generator = torch.Generator().manual_seed(0)
    plain = perturbed(HGRNBit(SHAPE, generator)).double()
    fused = FusedHGRNBit(SHAPE, None, torch.float32, recompute_glu)
    fused.load_state_dict(plain.state_dict())
    fused.to(device)
    length = FEW if device.type == "cpu" else LENGTH
    tokens = torch.randint(0, SHAPE.vocabulary, (2, length + 1), generator=generator)
    tokens[0, 2] = BEGIN_TOKEN
    losses = []
    for model in (plain, fused):
        model.model.separates_documents = separates_documents
        place = next(model.parameters()).device
        loss = model.loss(tokens[:, :-1].to(place), tokens[:, 1:].to(place))
        (3 * loss).backward()
        losses.append(float(loss.detach()))
    assert losses[1] == pytest.approx(losses[0], rel=tolerance)
    errors = {
        name: float((actual.grad.cpu().double() - expected.grad).abs().max())
        / float(expected.grad.abs().max())
        for (name, expected), actual in zip(plain.named_parameters(), fused.parameters())
    }
    assert max(errors.values()) <= 20 * tolerance, errors


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_loss_curves_of_200_steps_agree_within_a_percent() -> None:
    text = (ROOT / "tests" / "data" / "held_out_stories.txt").read_text(encoding="utf-8")
    documents = documents_of([text])
    tokenizer = train_tokenizer(documents, 512)
    corpus = encode_corpus(documents, tokenizer, 128)
    shape = ModelShape(256, 4, 768, tokenizer.get_vocab_size())
    options = TrainingOptions(shape, length=128, optimiser="adamw")
    device = torch.device("cuda")
    curves = []
    for kind in (HGRNBit, FusedHGRNBit):
        model = kind(shape, torch.Generator().manual_seed(0)).to(device)
        optimisers, losses = Optimisers(model, options), []
        for step in range(200):
            starts = batch_starts(0, step, 32, len(corpus.training), 128)
            with torch.autocast("cuda", torch.bfloat16):
                loss = model.loss(*sequences(corpus.training, starts, 128, device))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimisers.step(1e-4, 0.0)
            losses.append(loss.detach())
        # Means of ten steps: single losses of runs in bf16 scatter.
        curves.append(torch.stack(losses).view(20, 10).mean(1).cpu())
    plain, fused = curves
    assert plain[-1] < 0.8 * plain[0]
    assert ((fused - plain).abs() / plain).max() < 0.01, (plain, fused)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_graph_gives_the_gradients_of_its_batch() -> None:
    model = FusedHGRNBit(SHAPE, torch.Generator().manual_seed(0)).to("cuda")
    batches = [torch.randint(0, 50, (2, 2, LENGTH), device="cuda") for _ in range(3)]
    graphed = GraphedGradients(ModelLoss(model), *batches[0])
    for batch in batches:
        loss = graphed(*batch)
        found = [parameter.grad.clone() for parameter in model.parameters()]
        model.zero_grad(set_to_none=True)
        expected = model.loss(*batch)
        expected.backward()
        assert torch.equal(loss, expected.detach())
        for gradient, parameter in zip(found, model.parameters()):
            assert torch.allclose(gradient, parameter.grad, rtol=1e-4, atol=1e-7)
        model.zero_grad(set_to_none=True)
