# SPDX-License-Identifier: Apache-2.0
"""Classification behind HTTP: bodies of requests, and one thread that reads and classifies."""

from __future__ import annotations

import asyncio
import base64
import binascii
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pynq_driver.ivit.model import DEFAULT_TOP, Classification, VisionModel
from pynq_driver.ivit.pictures import PictureError
from pynq_driver.serving.errors import ApiError, bad_request, explain
from pynq_driver.serving.metrics import Metrics
from tritforge.errors import ImageError

MAXIMUM_TOP = 1000
_JSON = "application/json"
_IMAGE = "image/"
_RETRY_SECONDS = 1


class ClassifyRequest(BaseModel):
    """Body of /v1/classify as JSON."""

    model_config = ConfigDict(strict=True, extra="forbid")

    image: str = Field(description="the picture's file in base64, or a data URL")
    top: int = Field(DEFAULT_TOP, ge=1, le=MAXIMUM_TOP)
    model: str | None = None


class QueryOptions(BaseModel):
    """Options in the address, where the body is the picture itself."""

    model_config = ConfigDict(extra="forbid")

    top: int = Field(DEFAULT_TOP, ge=1, le=MAXIMUM_TOP)
    model: str | None = None


async def read_request(request: Request) -> tuple[bytes, int, str | None]:
    """Picture, number of classes to name, and model of a request.

    Raises:
        ApiError: another content type, no base64, or a field that is missing, unknown or out of
            range.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind.startswith(_IMAGE):
            query = QueryOptions.model_validate(dict(request.query_params))
            return await request.body(), query.top, query.model
        if kind != _JSON:
            raise bad_request(
                f"send the picture itself with a content type such as {_IMAGE}png, or base64 as "
                f"{_JSON} (sent: {kind[:100]!r})"
            )
        body = ClassifyRequest.model_validate_json(await request.body())
    except ValidationError as error:
        param, message = explain(error.errors())
        raise bad_request(message, param) from None
    return decode_image(body.image), body.top, body.model


def decode_image(text: str) -> bytes:
    """Bytes of base64 or of a data URL.

    Raises:
        ApiError: it is neither.
    """
    if text.startswith("data:"):
        head, _, text = text.partition(",")
        if not head.endswith(";base64"):
            raise bad_request("image: a data URL must be base64", "image")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise bad_request("image is not base64", "image") from None


class VisionService:
    """A vision model behind the routes: one picture at a time, in a thread of its own.

    Attributes:
        model: the model.
        fingerprint: of everything that fixes the logits.
    """

    def __init__(
        self, model: VisionModel, metrics: Metrics, *, queue_limit: int, timeout: float
    ) -> None:
        """
        Args:
            queue_limit: pictures that wait at most; more get status 429.
            timeout: seconds from a request to its end at most.
        """
        self.model = model
        self.fingerprint = "tritforge_" + model.image.sections["arrays"].sha256[:12]
        self._metrics = metrics
        self._queue_limit, self._timeout = queue_limit, timeout
        self._thread = ThreadPoolExecutor(1, "vision")
        self._lock = threading.Lock()
        self._pictures = 0
        self._closed = False
        metrics.watch_pictures(lambda: self._pictures)

    @property
    def name(self) -> str:
        """Name of the model in the API."""
        return self.model.image.header.name

    @property
    def healthy(self) -> bool:
        """Whether new pictures are accepted, room in the queue given."""
        return not self._closed

    def close(self, grace: float) -> None:
        """Refuse new pictures; those that were accepted end within their time."""
        self._closed = True

    def join(self) -> None:
        """Wait for the picture that is classified, drop the others, and close the model."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self.model.close()

    async def classify(self, content: bytes, top: int) -> dict[str, Any]:
        """Answer to one picture.

        Raises:
            ApiError: no picture, a full queue, no time left, or the server is closing.
        """
        self._enter()
        deadline = time.monotonic() + self._timeout
        try:
            job = self._thread.submit(self._run, content, top, deadline)
        except RuntimeError:  # shut down meanwhile
            self._leave()
            raise _closing() from None
        job.add_done_callback(lambda done: self._leave())
        try:
            found = await asyncio.wait_for(asyncio.wrap_future(job), self._timeout)
        except (TimeoutError, asyncio.TimeoutError):
            raise ApiError(
                HTTPStatus.GATEWAY_TIMEOUT, f"not classified within {self._timeout:g} s"
            ) from None
        except asyncio.CancelledError:
            if job.cancelled():
                raise _closing() from None
            raise
        except PictureError as error:
            raise bad_request(str(error), "image", "bad_image") from None
        except ImageError as error:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE, str(error), code="image_changed"
            ) from None
        return {
            "object": "classification",
            "model": self.name,
            "system_fingerprint": self.fingerprint,
            "label": found.label,
            "guesses": [asdict(guess) for guess in found.guesses],
        }

    def _run(self, content: bytes, top: int, deadline: float) -> Classification:
        started = time.monotonic()
        if started > deadline:
            raise TimeoutError
        found = self.model.classify(content, top)
        self._metrics.picture(time.monotonic() - started)
        return found

    def _enter(self) -> None:
        with self._lock:
            if self._closed:
                raise _closing()
            # One that is classified, and those that wait.
            if self._pictures > self._queue_limit:
                raise ApiError(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    f"the queue is full: try again in {_RETRY_SECONDS} s",
                    code="queue_full",
                    headers={"Retry-After": str(_RETRY_SECONDS)},
                )
            self._pictures += 1

    def _leave(self) -> None:
        with self._lock:
            self._pictures -= 1


def _closing() -> ApiError:
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE, "the server is shutting down", code="shutting_down"
    )
