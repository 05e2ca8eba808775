# SPDX-License-Identifier: Apache-2.0
"""Routes of the OpenAI-compatible API."""

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

from pynq_driver.language_model.model import LanguageModel
from pynq_driver.serving.answer import GenerationResponse
from pynq_driver.serving.errors import ApiError, bad_request
from pynq_driver.serving.gate import HEALTH_PATH, Gate
from pynq_driver.serving.reply import Answering, ChatFormat, CompletionFormat, Format, Writer
from pynq_driver.serving.requests import ChatRequest, CompletionRequest, GenerationRequest
from pynq_driver.serving.service import COMPLETION_TOKENS, ServerSettings, Service
from tritforge import __version__

#: Label of requests to paths that do not exist: a client must not make up labels.
_OTHER_PATH = "other"


def create_application(model: LanguageModel, settings: ServerSettings) -> FastAPI:
    """The application; its scheduler runs from start-up to shutdown, `state.service` holds it.

    Raises:
        ConfigurationError: the backend does not have so many lanes.
    """
    created = int(time.time())
    lanes = model.backend.lanes(settings.lanes)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = Service(model, settings, lanes, asyncio.get_running_loop())
        app.state.service = service
        service.scheduler.start()
        try:
            yield
        finally:
            service.scheduler.close(grace=0)
            await asyncio.to_thread(service.scheduler.join, 10.0)

    app = FastAPI(
        title="Tritforge", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    _add_error_handlers(app)

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

    def description(service: Service) -> dict[str, Any]:
        return {"id": service.name, "object": "model", "created": created, "owned_by": "tritforge"}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        """The one model of this server."""
        return {"object": "list", "data": [description(app.state.service)]}

    @app.get("/v1/models/{name:path}")
    async def model_by_name(name: str) -> dict[str, Any]:
        """The model, if that is its name."""
        app.state.service.check_model(name)
        return description(app.state.service)

    @app.get(HEALTH_PATH)
    async def health() -> Response:
        """200 while new requests are accepted, else 503."""
        if app.state.service.scheduler.healthy:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "unavailable"}, HTTPStatus.SERVICE_UNAVAILABLE)

    @app.get("/metrics")
    async def metrics() -> Response:
        """Prometheus metrics."""
        return PlainTextResponse(app.state.service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    known = {getattr(route, "path", None) for route in app.routes}

    def count(path: str, status: int) -> None:
        label = path if path in known else _OTHER_PATH
        app.state.service.metrics.requests.labels(label, str(status)).inc()

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
            allow_methods=("GET", "POST"),
            allow_headers=("*",),
            expose_headers=("Retry-After",),
        )
    return app


def explain(errors: Sequence[Any]) -> tuple[str | None, str]:
    """Option and message of the most telling of pydantic's errors.

    A value of several allowed types fails all of them; the type that fits, but for something
    inside, says more than those that do not.
    """
    error = max(errors, key=lambda item: (not item["type"].endswith("_type"), len(item["loc"])))
    place = [item for item in error["loc"] if item != "body"]
    if not place or not isinstance(place[0], str):  # no JSON at all
        return None, error["msg"]
    indices = "".join(f"[{item}]" for item in place if isinstance(item, int))
    return place[0], f"{place[0]}{indices}: {error['msg']}"


def _is_json(content_type: str) -> bool:
    """Whether the framework reads a body of that type as JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind[-5:] == "+json")


def _check(service: Service, body: GenerationRequest) -> None:
    body.check()
    if body.model is not None:
        service.check_model(body.model)


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
