# SPDX-License-Identifier: Apache-2.0
"""An OpenAI-compatible server: continuous batching over the lanes of a backend.

    scheduler   one thread that owns the lanes: queue, prefill, batched decoding
    protocol    requests and responses as JSON
    application FastAPI routes between the two
    server      socket, signals, shutdown

Everything but `scheduler` needs the `serve` extra.
"""
