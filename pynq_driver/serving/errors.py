# SPDX-License-Identifier: Apache-2.0
"""Errors in the format of the OpenAI API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse


class ApiError(HTTPException):
    """An answer other than 200; `detail` is the message."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self._param = param
        self._code = code

    def body(self) -> dict[str, Any]:
        """JSON object of the response."""
        return {
            "error": {
                "message": self.detail,
                "type": _TYPES.get(self.status_code, _kind(self.status_code)),
                "param": self._param,
                "code": self._code,
            }
        }

    def response(self) -> JSONResponse:
        """The whole response."""
        return JSONResponse(self.body(), self.status_code, self.headers)


_TYPES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "service_unavailable_error",
    HTTPStatus.GATEWAY_TIMEOUT: "timeout_error",
}


def _kind(status: int) -> str:
    return "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"


def bad_request(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """A mistake in the request."""
    return ApiError(HTTPStatus.BAD_REQUEST, message, param=param, code=code)


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
