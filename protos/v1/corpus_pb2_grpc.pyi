from typing import Any

class CorpusServiceStub:
    def __init__(self, channel: Any) -> None: ...
    CreateCorpus: Any
    GetCorpus: Any
    ListCorpora: Any
    DeleteCorpus: Any
    ImportDocuments: Any
    IngestDocuments: Any
    DeleteDocuments: Any
    BuildIndex: Any
    ListIndexVersions: Any
    ActivateIndexVersion: Any

class CorpusServiceServicer: ...

def add_CorpusServiceServicer_to_server(servicer: Any, server: Any) -> None: ...
