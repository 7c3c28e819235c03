from typing import Any

class AnswerServiceStub:
    def __init__(self, channel: Any) -> None: ...
    Answer: Any
    StreamAnswer: Any

class AnswerServiceServicer: ...

def add_AnswerServiceServicer_to_server(servicer: Any, server: Any) -> None: ...
