# SPDX-License-Identifier: Apache-2.0
"""`tritforge serve`: an OpenAI-compatible server on this machine, for pictures too."""

from __future__ import annotations

import argparse
import dataclasses
import os
import socket
import sys
from pathlib import Path

from pynq_driver.language_model.backends.automatic import AUTOMATIC
from pynq_driver.language_model.backends.opening import BOARD_BACKEND
from pynq_driver.loading import is_vision_model
from tritforge.errors import ConfigurationError, TritforgeError, install_command
from tritforge_cli.arguments import add_present_arguments, load_model

API_KEY_VARIABLE = "TRITFORGE_API_KEY"
_LANES = 16
_TEXT_BYTES, _PICTURE_BYTES = 1 << 20, 16 << 20


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "serve",
        help="serve the OpenAI API over HTTP",
        description="Serve /v1/completions and /v1/chat/completions over HTTP for any OpenAI "
        "client, many streams at once; with a vision model /v1/classify, too. Needs "
        f"{install_command('serve')}.",
        epilog="Ctrl-C or SIGTERM: running streams end within the grace time. "
        "See docs/serving.md for examples.",
    )
    add_present_arguments(parser)
    # None until the kind of model is known: each kind has a default of its own.
    parser.set_defaults(backend=None)
    parser.add_argument(
        "--vision-model",
        type=Path,
        metavar="FILE",
        help="image of kind ivit to classify pictures with, beside the language model (an image of "
        "that kind as --model is served alone)",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="port; 0: any free one (default: %(default)s)"
    )
    parser.add_argument(
        "--lanes",
        type=int,
        metavar="N",
        help=f"streams that run together (default: {_LANES}; on a board those of its overlay)",
    )
    parser.add_argument(
        "--queue",
        type=int,
        default=64,
        metavar="N",
        help="streams that may wait; more get status 429 (default: %(default)s)",
    )
    parser.add_argument(
        "--connections",
        type=int,
        default=512,
        metavar="N",
        help="connections that may be open; of more the oldest one that sends nothing is closed "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="S",
        help="seconds a request may take, queue included (default: %(default)g)",
    )
    parser.add_argument(
        "--grace",
        type=float,
        default=10.0,
        metavar="S",
        help="seconds running streams get at shutdown (default: %(default)g)",
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        default=4096,
        metavar="N",
        help="longest answer, and the default of a chat's (default: %(default)s)",
    )
    parser.add_argument(
        "--max-body",
        type=int,
        metavar="BYTES",
        help=f"largest request (default: {_TEXT_BYTES}, with a vision model {_PICTURE_BYTES})",
    )
    parser.add_argument(
        "--api-key",
        metavar="KEY",
        help=f"clients must send it; others on this machine see it in the process list, the "
        f"environment variable {API_KEY_VARIABLE} does the same unseen",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer requests to this host name, too; may be given several times (default: "
        "loopback names on a loopback address, all names on another)",
    )
    parser.add_argument(
        "--cors",
        action="extend",
        nargs="+",
        default=[],
        metavar="ORIGIN",
        help="web pages of these origins may use the server from a browser, as in "
        "http://localhost:3000; '*': those of every origin",
    )
    parser.add_argument(
        "--chat-template",
        type=Path,
        metavar="FILE",
        help="Jinja2 template that turns messages into a prompt, or a tokenizer_config.json that "
        "has one (default: the messages' contents on lines of their own)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    try:
        from pynq_driver.ivit.model import load_vision
        from pynq_driver.serving.chat import PlainTemplate
        from pynq_driver.serving.chat_template import template_from_file
        from pynq_driver.serving.hosts import HostNames, is_loopback
        from pynq_driver.serving.server import bind, serve
        from pynq_driver.serving.service import ServerSettings
    except ImportError as error:
        raise TritforgeError(f"{error}: the server needs {install_command('serve')}") from None
    if not 0 <= options.grace <= 3600:
        raise ConfigurationError(
            f"grace = {options.grace!r} is out of range: give 0 to 3600 seconds"
        )
    api_key = options.api_key if options.api_key is not None else os.environ.get(API_KEY_VARIABLE)
    template = options.chat_template
    alone = options.model is not None and is_vision_model(options.model)
    if alone and (options.vision_model is not None or template is not None):
        raise ConfigurationError(
            f"{options.model} is a vision model: --vision-model and --chat-template belong to a "
            "language model: leave them out"
        )
    vision_path = options.model if alone else options.vision_model
    default_body = _TEXT_BYTES if vision_path is None else _PICTURE_BYTES
    if alone and options.overlay is not None:
        raise ConfigurationError(
            f"{options.model} is a vision model, which runs on no overlay: leave --overlay out"
        )
    settings = ServerSettings(
        lanes=_LANES if options.lanes is None else options.lanes,
        queue=options.queue,
        connections=options.connections,
        timeout=options.timeout,
        max_tokens=options.max_tokens,
        body_limit=default_body if options.max_body is None else options.max_body,
        api_key=api_key,
        origins=tuple(options.cors),
        chat_template=PlainTemplate() if template is None else template_from_file(template),
    )
    listener = bind(options.host, options.port)
    try:
        address = listener.getsockname()[0]
        loopback = is_loopback(address)
        if loopback or options.allow_host:
            hosts = HostNames([*options.allow_host, options.host, address])
            settings = dataclasses.replace(settings, hosts=hosts)
        backend = options.backend
        options.backend = backend or AUTOMATIC
        model = None if alone else load_model(options)
        if model is not None and options.backend == BOARD_BACKEND and options.lanes is None:
            settings = dataclasses.replace(settings, lanes=model.backend.batch)
        vision = None
        if vision_path is not None:
            own = backend if alone else None
            vision = load_vision(vision_path, own or "auto", options.threads)
            vision.check_pictures()
    except BaseException:
        listener.close()
        raise
    if not loopback and api_key is None:
        print(f"warning: {options.host} is open to other machines without a key", file=sys.stderr)

    def ready() -> None:
        names = [item.image.header.name for item in (model, vision) if item is not None]
        lanes = "" if model is None else f", {settings.lanes} lanes of {options.backend}"
        print(f"serving {' and '.join(names)} at {_url(listener)}/v1{lanes}", file=sys.stderr)

    serve(model, settings, listener, grace=options.grace, ready=ready, vision=vision)
    return 0


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
