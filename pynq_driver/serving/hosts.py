# SPDX-License-Identifier: Apache-2.0
"""Which names in the Host header are answered, against DNS rebinding.

A web page that resolves its own name to this machine sends that name. An address of the loopback
network, or one that the operator named, cannot be such a name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from tritforge.errors import ConfigurationError

_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class HostNames:
    """Names that are answered, beside those of the loopback network."""

    def __init__(self, names: Collection[str]) -> None:
        """
        Args:
            names: host names or addresses, without port.

        Raises:
            ConfigurationError: not a host name.
        """
        self._names = frozenset(_checked(name) for name in names)

    def accept(self, header: str) -> bool:
        """Whether a request with this Host header is answered."""
        host = _host(header)
        return host is not None and (is_loopback(host) or host in self._names)


def _host(header: str) -> str | None:
    """The host of a Host header, in the form that is compared; None for anything else."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port  # raises ValueError for what is no port
    except ValueError:
        return None
    if parts.netloc != header or "@" in header or not parts.hostname:
        return None
    return _canonical(parts.hostname)


def _canonical(host: str) -> str:
    host = host.lower().rstrip(".")
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host


def _checked(name: str) -> str:
    host = _canonical(name)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not _NAME.fullmatch(host):
            raise ConfigurationError(
                f"host name {name!r}: give a name or an address without scheme, port and path, as "
                "in my-machine.example"
            ) from None
    return host


def check_origins(origins: Collection[str]) -> None:
    """Check origins of web pages that may use the server.

    Raises:
        ConfigurationError: names the wrong one.
    """
    for origin in origins:
        parts = urlsplit(origin)
        if origin not in ("*", "null") and origin != f"{parts.scheme}://{parts.netloc}":
            raise ConfigurationError(
                f"origin {origin!r}: give scheme, name and port as a browser sends them, as in "
                "http://localhost:3000, or * for every page"
            )
