from typing import Any

class EmbeddingServiceStub:
    def __init__(self, channel: Any) -> None: ...
    Embed: Any
    EmbedStream: Any

class EmbeddingServiceServicer: ...

def add_EmbeddingServiceServicer_to_server(servicer: Any, server: Any) -> None: ...
