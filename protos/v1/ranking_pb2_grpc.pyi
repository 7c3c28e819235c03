from typing import Any

class RankingServiceStub:
    def __init__(self, channel: Any) -> None: ...
    Rank: Any
    BatchRank: Any

class RankingServiceServicer: ...

def add_RankingServiceServicer_to_server(servicer: Any, server: Any) -> None: ...
