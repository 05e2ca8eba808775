# SPDX-License-Identifier: Apache-2.0
"""Backends `csim` and `rtl`: the whole machine, fed and read as a board's driver does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from pynq_driver.devices.device import Device
from pynq_driver.language_model.backends.base import choose_from_scores
from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import Scores, token_nats
from pynq_driver.language_model.session import MachineSession
from tritforge.checks import check_integer
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.image import Image
from tritforge.language_model.wire.output_packet import NO_TOKEN, Scoreboard


class MachineBackend:
    """One stream whose prompt goes through all lanes at once; `score` uses a stream per lane.

    Attributes:
        device: what runs.
        session: runs, counters and saturations so far.
    """

    def __init__(self, image: Image, device: Device, config: AcceleratorConfig) -> None:
        """
        Raises:
            ConfigurationError: the device was built from another configuration, or is too small.
        """
        self.device = device
        self.session = MachineSession(image, device, config)
        self.batch = config.states
        self._is_fresh, self._is_lost = True, False

    def reset(self) -> None:
        """See Backend."""
        self._is_fresh, self._is_lost = True, False
        self.session.saturations.clear()

    def prefill(self, tokens: Sequence[int]) -> Scores:
        """See Backend.

        Raises:
            TritforgeError: the machine reports an error, or the context is lost.
        """
        for is_last, chunk in self._chunks(tokens):
            board = self._run_chunk(chunk, all_logits=is_last)
        return self.session.scores(board, len(chunk) - 1)

    def chooser(self, sampler: Sampler) -> Callable[[Sequence[int]], int]:
        """See Backend."""
        if sampler.sampling.temperature:
            return choose_from_scores(self.prefill, sampler)
        return lambda tokens: self._most_likely(tokens, sampler.banned_token)

    def _most_likely(self, tokens: Sequence[int], banned_token: int | None) -> int:
        """The first allowed one of the head's best tokens: no logits travel."""
        for _, chunk in self._chunks(tokens):
            board = self._run_chunk(chunk, all_logits=False)
        best = board.best_tokens[len(chunk) - 1]
        allowed = best[
            (best != NO_TOKEN) & (best != (-1 if banned_token is None else banned_token))
        ]
        if not allowed.size:
            raise ConfigurationError("no token is left to choose: the only one is banned")
        return int(allowed[0])

    def score(self, documents: Sequence[Sequence[int]]) -> list[list[float]]:
        """See Backend."""
        # A lane that has nothing to do costs the same time, so one document takes them all.
        if self.batch == 1 or len(documents) == 1:
            nats = [self._score_document(document) for document in documents]
        else:
            nats = [[] for _ in documents]
            for position in range(max(map(len, documents)) - 1):
                self._score_position(documents, position, nats)
        self._is_lost = True
        return nats

    def saturations(self) -> Mapping[str, int]:
        """See Backend; counts runs."""
        return dict(self.session.saturations)

    def _score_document(self, document: Sequence[int]) -> list[float]:
        self.reset()
        nats: list[float] = []
        for _, chunk in self._chunks(document[:-1]):
            board = self._run_chunk(chunk, all_logits=True)
            for lane in range(len(chunk)):
                following = document[len(nats) + 1]
                nats.append(token_nats(self.session.scores(board, lane).logits, following))
        return nats

    def _score_position(
        self, documents: Sequence[Sequence[int]], position: int, nats: list[list[float]]
    ) -> None:
        lanes = range(self.session.lanes)
        active = [i for i, document in enumerate(documents) if position + 1 < len(document)]
        tokens = [document[position] if i in active else 0 for i, document in enumerate(documents)]
        board = self.session.advance(
            tokens,
            prefill=False,
            all_logits=True,
            fresh=lanes if position == 0 else (),
            hold=set(lanes) - set(active),
        )
        for lane in active:
            following = documents[lane][position + 1]
            nats[lane].append(token_nats(self.session.scores(board, lane).logits, following))

    def _chunks(self, tokens: Sequence[int]) -> Iterator[tuple[bool, Sequence[int]]]:
        """(is the last one, at most one token per lane)."""
        lanes = self.session.lanes
        for start in range(0, len(tokens), lanes):
            yield start + lanes >= len(tokens), tokens[start : start + lanes]

    def _run_chunk(self, tokens: Sequence[int], all_logits: bool) -> Scoreboard:
        """Consecutive tokens of the one stream; lanes that are left over hold."""
        if self._is_lost:
            raise TritforgeError("the context of the machine is lost: call reset() first")
        # Whatever ends the run early, an interrupt included, leaves an unknown context behind.
        self._is_lost = True
        board = self.session.advance(
            tokens,
            prefill=True,
            all_logits=all_logits,
            fresh=(0,) if self._is_fresh else (),
            hold=range(len(tokens), self.session.lanes),
        )
        self._is_fresh, self._is_lost = False, False
        return board

    def lanes(self, count: int) -> MachineLanes:
        """See Backend; a lane each, and the backend's own context is lost."""
        check_integer("lanes", count, 1, self.batch)
        self._is_lost = True
        return MachineLanes(self.session, count)


class MachineLanes:
    """Independent streams, each in a lane of its own; a lane without a token holds its context."""

    def __init__(self, session: MachineSession, count: int) -> None:
        self.count = count
        self._session = session
        self._fresh = set(range(count))
        self._scores: dict[int, Scores] = {}

    def reset(self, lane: int) -> None:
        """See Lanes."""
        self._fresh.add(lane)

    def advance(self, lanes: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        """See Lanes."""
        for position in range(max(map(len, tokens))):
            step = [
                (lane, items[position])
                for lane, items in zip(lanes, tokens)
                if position < len(items)
            ]
            ended = [lane for lane, items in zip(lanes, tokens) if position + 1 == len(items)]
            board = self._step(dict(step), all_logits=bool(ended))
            for lane in ended:
                self._scores[lane] = self._session.scores(board, lane)

    def saturations(self, lane: int) -> Mapping[str, int]:
        """See Lanes; the machine counts runs, all lanes together."""
        return dict(self._session.saturations)

    def scores(self, lane: int) -> Scores:
        """See Lanes."""
        return self._scores[lane]

    def chooser(self, lane: int, sampler: Sampler) -> Callable[[], int]:
        """See Lanes."""
        return lambda: sampler.choose(self._scores[lane])

    def _step(self, tokens: Mapping[int, int], all_logits: bool) -> Scoreboard:
        """One token of some lanes."""
        given = [0] * self._session.lanes
        for lane, token in tokens.items():
            given[lane] = token
        fresh, others = self._fresh & set(tokens), self._fresh - set(tokens)
        # Whatever ends the run early leaves unknown contexts behind.
        self._fresh = set(range(self.count))
        board = self._session.advance(
            given,
            prefill=False,
            all_logits=all_logits,
            fresh=fresh,
            hold=set(range(self._session.lanes)) - set(tokens),
        )
        self._fresh = others
        return board
