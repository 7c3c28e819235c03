from typing import Any

class RetrievalServiceStub:
    def __init__(self, channel: Any) -> None: ...
    Retrieve: Any
    BatchRetrieve: Any

class RetrievalServiceServicer: ...

def add_RetrievalServiceServicer_to_server(servicer: Any, server: Any) -> None: ...
