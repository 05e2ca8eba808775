# SPDX-License-Identifier: Apache-2.0
"""Routes of the OpenAI-compatible API, and of the classification of pictures."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from pynq_driver.ivit.model import VisionModel
from pynq_driver.language_model.model import LanguageModel
from pynq_driver.serving.answer import GenerationResponse
from pynq_driver.serving.errors import ApiError, bad_request, explain
from pynq_driver.serving.gate import HEALTH_PATH, Gate
from pynq_driver.serving.metrics import Metrics
from pynq_driver.serving.reply import Answering, ChatFormat, CompletionFormat, Format, Writer
from pynq_driver.serving.requests import ChatRequest, CompletionRequest, GenerationRequest
from pynq_driver.serving.service import COMPLETION_TOKENS, ServerSettings, Service, check_model
from pynq_driver.serving.vision import VisionService, read_request
from tritforge import __version__
from tritforge.errors import ConfigurationError

#: Label of requests to paths that do not exist: a client must not make up labels.
_OTHER_PATH = "other"
#: Load balancers and uptime monitors ask for the head alone.
_READ = ["GET", "HEAD"]


def create_application(
    model: LanguageModel | None, settings: ServerSettings, vision: VisionModel | None = None
) -> FastAPI:
    """The application for a language model, a vision model, or both.

    Their threads run from start-up to shutdown. `state.services` holds what is behind the routes,
    by the name of the model; `state.service` is that of the language model, `state.vision` that of
    the vision model.

    Raises:
        ConfigurationError: the backend does not have so many lanes, or both models have one name.
    """
    created = int(time.time())
    lanes = None if model is None else model.backend.lanes(settings.lanes)
    names = [item.image.header.name for item in (model, vision) if item is not None]
    if len(set(names)) != len(names):
        raise ConfigurationError(
            f"both models have the name {names[0]!r}: convert one of them with another --name"
        )

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        metrics = app.state.metrics = Metrics()
        metrics.watch_loop(loop)
        services: dict[str, Service | VisionService] = {}
        if model is not None and lanes is not None:
            service = Service(model, settings, lanes, metrics, loop)
            services[service.name] = app.state.service = service
            service.scheduler.start()
        if vision is not None:
            vision_service = VisionService(
                vision, metrics, queue_limit=settings.queue, timeout=settings.timeout
            )
            services[vision_service.name] = app.state.vision = vision_service
        app.state.services = services
        try:
            yield
        finally:
            for item in services.values():
                item.close(grace=0)
                await asyncio.to_thread(item.join)

    app = FastAPI(
        title="Tritforge", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    _add_error_handlers(app)
    if model is not None:
        _add_text_routes(app, settings)
    if vision is not None:
        _add_vision_routes(app)

    def description(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": created, "owned_by": "tritforge"}

    @app.api_route("/v1/models", methods=_READ)
    async def models() -> dict[str, Any]:
        """The models of this server."""
        return {"object": "list", "data": [description(name) for name in app.state.services]}

    @app.api_route("/v1/models/{name:path}", methods=_READ)
    async def model_by_name(name: str) -> dict[str, Any]:
        """The model, if there is one of that name."""
        check_model(name, *app.state.services)
        return description(name)

    @app.api_route(HEALTH_PATH, methods=_READ)
    async def health() -> Response:
        """200 while new requests are accepted, else 503."""
        if all(item.healthy for item in app.state.services.values()):
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "unavailable"}, HTTPStatus.SERVICE_UNAVAILABLE)

    @app.api_route("/metrics", methods=_READ)
    async def metrics() -> Response:
        """Prometheus metrics."""
        return PlainTextResponse(app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    known = {getattr(route, "path", None) for route in app.routes}

    def count(path: str, status: int) -> None:
        label = path if path in known else _OTHER_PATH
        app.state.metrics.requests.labels(label, str(status)).inc()

    app.add_middleware(
        Gate,
        api_key=settings.api_key,
        hosts=settings.hosts,
        body_limit=settings.body_limit,
        count=count,
    )
    if settings.origins:
        # Outermost: a browser asks without the key, and must be able to read errors.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=("*",),
            expose_headers=("Retry-After",),
        )
    return app


def _add_text_routes(app: FastAPI, settings: ServerSettings) -> None:
    """Routes of a language model."""

    @app.post("/v1/completions", response_model=None)
    async def completions(body: CompletionRequest) -> Response:
        """Continue one or more prompts."""
        service: Service = app.state.service
        _check(service, body)
        prompts = await service.completion_tokens(body)
        echo = await service.prompt_texts(body.prompts) if body.echoes else [""] * len(prompts)
        return _generate(service, body, prompts, echo, CompletionFormat(), COMPLETION_TOKENS)

    @app.post("/v1/chat/completions", response_model=None)
    async def chat_completions(body: ChatRequest) -> Response:
        """Answer a chat."""
        service: Service = app.state.service
        _check(service, body)
        prompt = await service.chat_tokens(body)
        return _generate(service, body, [prompt], [""], ChatFormat(), settings.max_tokens)


def _add_vision_routes(app: FastAPI) -> None:
    """Routes of a vision model."""

    @app.post("/v1/classify", response_model=None)
    async def classify(request: Request) -> Response:
        """Say what a picture shows."""
        service: VisionService = app.state.vision
        content, top, name = await read_request(request)
        if name is not None:
            check_model(name, service.name)
        return JSONResponse(await service.classify(content, top))


def _is_json(content_type: str) -> bool:
    """Whether the framework reads a body of that type as JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind[-5:] == "+json")


def _check(service: Service, body: GenerationRequest) -> None:
    body.check()
    if body.model is not None:
        check_model(body.model, service.name)


def _generate(
    service: Service,
    body: GenerationRequest,
    prompts: Sequence[Sequence[int]],
    echo: Sequence[str],
    form: Format,
    default_tokens: int,
) -> Response:
    streams, inbox = service.submit(body, prompts, default_tokens)
    writer = Writer(
        form,
        service.name,
        service.fingerprint,
        Answering(
            prompts=[len(prompt) for prompt in prompts],
            echo=echo,
            choices=body.n or 1,
            with_tokens=bool(body.return_token_ids),
            with_scores=body.top_tokens is not None,
        ),
        service.texts,
    )
    return GenerationResponse(
        service,
        streams,
        inbox,
        writer,
        streamed=bool(body.stream),
        with_usage=body.include_usage,
    )


def _add_error_handlers(app: FastAPI) -> None:
    """Every error gets the format of the OpenAI API."""

    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> Response:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def validation_error(request: Request, error: RequestValidationError) -> Response:
        param, message = explain(error.errors())
        kind = request.headers.get("content-type", "")
        if not _is_json(kind):
            # Never read as JSON whatever it holds: a web page may send any other type unasked.
            sent = f"not {kind[:100]!r}" if kind else "the request has none"
            param, message = None, f"send the header 'Content-Type: application/json' ({sent})"
        return bad_request(message, param).response()

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        message = f"{request.method} {request.url.path}: {error.detail}"
        return ApiError(status, message, headers=error.headers).response()

    @app.exception_handler(Exception)
    async def server_error(request: Request, error: Exception) -> Response:
        message = "internal error: see the server's log"
        return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, message).response()
