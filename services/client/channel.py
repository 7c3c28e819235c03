"""How a channel to a server is set up."""

from __future__ import annotations

from skerry.services.config import MESSAGE_LIMIT

TRAILER_LIMIT = 32 * 1024


def channel_options(message_limit: int = MESSAGE_LIMIT) -> list[tuple[str, int]]:
    """Message limits as published by `GetServerInfo`, and trailers large enough for error details."""
    return [
        ("grpc.max_send_message_length", message_limit),
        ("grpc.max_receive_message_length", message_limit),
        ("grpc.max_metadata_size", TRAILER_LIMIT),
        ("grpc.absolute_max_metadata_size", 2 * TRAILER_LIMIT),
    ]
