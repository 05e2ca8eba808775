# SPDX-License-Identifier: Apache-2.0
"""From a checked request to running streams: prompts, sampling, queue."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from pynq_driver.language_model.backends.base import Lanes
from pynq_driver.language_model.model import LanguageModel
from pynq_driver.language_model.token_text import TokenTexts
from pynq_driver.serving.chat import ChatTemplate, PlainTemplate
from pynq_driver.serving.errors import ApiError, bad_request
from pynq_driver.serving.hosts import HostNames, check_origins
from pynq_driver.serving.inbox import Inbox, PostOffice
from pynq_driver.serving.metrics import Metrics
from pynq_driver.serving.requests import ChatRequest, CompletionRequest, GenerationRequest
from pynq_driver.serving.scheduler import Busy, Closed, Prompt, Scheduler, Stream
from tritforge.checks import check_integer, settle_numbers
from tritforge.errors import ConfigurationError, ImageError

#: Default of max_tokens for completions, as in the OpenAI API.
COMPLETION_TOKENS = 16
#: Seeds of the sampler are not negative.
_SEEDS = 1 << 64
#: Seconds that a round may still take at the end.
_JOIN_SECONDS = 10.0


_In = TypeVar("_In")
_Out = TypeVar("_Out")


def _limit(request: GenerationRequest, default: int) -> int:
    """Tokens that a request wants at most."""
    if request.token_limit is None:
        return default
    return sys.maxsize if request.token_limit < 0 else request.token_limit


@dataclass(frozen=True)
class ServerSettings:
    """What an operator sets.

    Attributes:
        lanes: streams that run together.
        queue: streams that wait at most; more get status 429.
        connections: that may be open; of more the oldest that sends nothing is closed.
        timeout: seconds from a request to its end at most.
        max_tokens: largest and, for chats, default number of tokens of an answer.
        body_limit: bytes of a request's body at most.
        api_key: clients must send it; None lets everybody in.
        hosts: names in the Host header that are answered, against DNS rebinding; None: all.
        origins: web pages that may use the server from a browser (CORS), or "*".
        chat_template: from a chat to a prompt.
    """

    lanes: int = 16
    queue: int = 64
    connections: int = 512
    timeout: float = 300.0
    max_tokens: int = 4096
    body_limit: int = 1 << 20
    api_key: str | None = None
    hosts: HostNames | None = None
    origins: tuple[str, ...] = ()
    chat_template: ChatTemplate = field(default_factory=PlainTemplate)

    def __post_init__(self) -> None:
        settle_numbers(self)
        check_integer("lanes", self.lanes, 1, 256)
        check_integer("queue", self.queue, 0, 100_000)
        check_integer("connections", self.connections, 16, 100_000)
        check_integer("max_tokens", self.max_tokens, 1, (1 << 31) - 1)
        check_integer("body_limit", self.body_limit, 1 << 10, 1 << 30)
        if not 0 < self.timeout <= 86400:  # also refuses NaN
            raise ConfigurationError(
                f"timeout = {self.timeout!r} is out of range: give seconds above 0, at most 86400"
            )
        if self.api_key is not None and not (self.api_key and self.api_key.isascii()):
            raise ConfigurationError("the API key is empty or has other than ASCII characters")
        check_origins(self.origins)


def check_model(name: str, *served: str) -> None:
    """
    Raises:
        ApiError: none of the served models has that name.
    """
    if name not in served:
        raise ApiError(
            HTTPStatus.NOT_FOUND,
            f"the model {name[:100]!r} does not exist: this server has "
            f"{' and '.join(map(repr, served))}",
            param="model",
            code="model_not_found",
        )


class Service:
    """The language model behind the routes.

    Attributes:
        model, settings, metrics, scheduler: as the names say.
        office: where the scheduler delivers.
        texts: how single tokens are written.
        fingerprint: of everything that fixes the tokens but request and seed.
    """

    def __init__(
        self,
        model: LanguageModel,
        settings: ServerSettings,
        lanes: Lanes,
        metrics: Metrics,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.model = model
        self.settings = settings
        self.metrics = metrics
        self.office = PostOffice(loop)
        self.scheduler = Scheduler(
            lanes,
            model.tokenizer,
            model.image.header.end_tokens,
            queue_limit=settings.queue,
            timeout=settings.timeout,
            deliver=self.office.deliver,
            observer=self.metrics,
        )
        metrics.watch(self.scheduler)
        self.texts = TokenTexts(model.tokenizer)
        self.fingerprint = "tritforge_" + model.image.sections["weights"].sha256[:12]

    @property
    def name(self) -> str:
        """Name of the model in the API."""
        return self.model.image.header.name

    @property
    def healthy(self) -> bool:
        """Whether new streams are accepted."""
        return self.scheduler.healthy

    def close(self, grace: float) -> None:
        """Refuse new and waiting streams, cut running ones after `grace` seconds."""
        self.scheduler.close(grace)

    def join(self) -> None:
        """Cut what still runs and wait for the scheduler's thread."""
        self.scheduler.close(grace=0)
        self.scheduler.join(_JOIN_SECONDS)

    async def completion_tokens(self, request: CompletionRequest) -> list[list[int]]:
        """Token ids of every prompt.

        Raises:
            ApiError: a prompt is empty or has ids outside the vocabulary.
        """
        vocabulary = self.model.image.header.shape.vocabulary
        if not request.prompts:
            raise bad_request("prompt is an empty list: give at least one", "prompt")
        result = []
        for prompt in request.prompts:
            if isinstance(prompt, str):
                parse = bool(request.special_tokens)
                encode = partial(self.model.encode, special_tokens=parse)
                result.append(await self._off_the_loop(encode, prompt, "prompt"))
                continue
            if not prompt or max(prompt) >= vocabulary:
                raise bad_request(
                    f"a prompt of token ids needs at least one, each below {vocabulary}", "prompt"
                )
            result.append(prompt)
        return result

    async def chat_tokens(self, request: ChatRequest) -> list[int]:
        """Token ids of a chat."""
        tokens = partial(self.settings.chat_template.tokens, self.model.codec)
        return await self._off_the_loop(tokens, request.chat, "messages")

    async def prompt_texts(self, prompts: Sequence[str | list[int]]) -> list[str]:
        """Texts of prompts."""
        return [
            item
            if isinstance(item, str)
            else await self._off_the_loop(self.model.decode, item, "prompt")
            for item in prompts
        ]

    async def _off_the_loop(self, work: Callable[[_In], _Out], given: _In, param: str) -> _Out:
        try:
            # A megabyte of text takes a while; the library releases the interpreter meanwhile.
            return await asyncio.to_thread(work, given)
        except (ConfigurationError, ImageError) as error:
            raise bad_request(str(error), param) from None

    def submit(
        self, request: GenerationRequest, prompts: Sequence[Sequence[int]], default_tokens: int
    ) -> tuple[list[Stream], Inbox]:
        """Queue the streams of a request: n for each prompt.

        Raises:
            ApiError: too many, or the queue is full.
        """
        # Clients ask for as much as other models can give: more than the server's limit is cut.
        limit = min(_limit(request, default_tokens), self.settings.max_tokens)
        try:
            self.model.check_image()
        except ImageError as error:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE, str(error), code="image_changed"
            ) from None
        choices = request.n or 1
        capacity = self.settings.lanes + self.settings.queue
        if choices * len(prompts) > capacity:
            raise bad_request(
                f"{choices * len(prompts)} choices in one request: at most {capacity}", "n"
            )
        defaults = self.model.image.header.sampling
        given: dict[str, Any] = {**request.sampling, "max_tokens": limit}
        sampling = dataclasses.replace(defaults, **given)
        ends = self.model.image.header.end_tokens
        wanted = [
            Prompt(
                tokens,
                sampling,
                None if request.seed is None else (request.seed + choice) % _SEEDS,
                request.stops,
                ends if request.ignore_eos else (),
                request.top_tokens,
                is_scored=request.echoes and request.top_tokens is not None,
                is_complete=not limit,
            )
            for tokens in prompts
            for choice in range(choices)
        ]
        try:
            streams = self.scheduler.submit(wanted)
        except Busy as busy:
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                str(busy),
                code="queue_full",
                headers={"Retry-After": str(busy.retry_seconds)},
            ) from None
        except Closed as closed:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE, str(closed), code="shutting_down"
            ) from None
        return streams, self.office.open(streams)
