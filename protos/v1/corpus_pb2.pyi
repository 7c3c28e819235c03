import datetime

from google.longrunning import operations_pb2 as _operations_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from skerry.protos.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CorpusFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CORPUS_FORMAT_UNSPECIFIED: _ClassVar[CorpusFormat]
    CORPUS_FORMAT_KILT: _ClassVar[CorpusFormat]
    CORPUS_FORMAT_BEIR: _ClassVar[CorpusFormat]
    CORPUS_FORMAT_JSONL: _ClassVar[CorpusFormat]
    CORPUS_FORMAT_TEXT: _ClassVar[CorpusFormat]
CORPUS_FORMAT_UNSPECIFIED: CorpusFormat
CORPUS_FORMAT_KILT: CorpusFormat
CORPUS_FORMAT_BEIR: CorpusFormat
CORPUS_FORMAT_JSONL: CorpusFormat
CORPUS_FORMAT_TEXT: CorpusFormat

class Corpus(_message.Message):
    __slots__ = ("id", "description", "create_time", "documents", "index_version", "legs", "pages", "passages", "read_only")
    ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    INDEX_VERSION_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    PASSAGES_FIELD_NUMBER: _ClassVar[int]
    READ_ONLY_FIELD_NUMBER: _ClassVar[int]
    id: str
    description: str
    create_time: _timestamp_pb2.Timestamp
    documents: int
    index_version: str
    legs: _containers.RepeatedScalarFieldContainer[str]
    pages: int
    passages: int
    read_only: bool
    def __init__(self, id: _Optional[str] = ..., description: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., documents: _Optional[int] = ..., index_version: _Optional[str] = ..., legs: _Optional[_Iterable[str]] = ..., pages: _Optional[int] = ..., passages: _Optional[int] = ..., read_only: _Optional[bool] = ...) -> None: ...

class CreateCorpusRequest(_message.Message):
    __slots__ = ("corpus", "description", "request_id")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    corpus: str
    description: str
    request_id: str
    def __init__(self, corpus: _Optional[str] = ..., description: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class CreateCorpusResponse(_message.Message):
    __slots__ = ("corpus", "timings")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    corpus: Corpus
    timings: _types_pb2.Timings
    def __init__(self, corpus: _Optional[_Union[Corpus, _Mapping]] = ..., timings: _Optional[_Union[_types_pb2.Timings, _Mapping]] = ...) -> None: ...

class GetCorpusRequest(_message.Message):
    __slots__ = ("corpus",)
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    corpus: str
    def __init__(self, corpus: _Optional[str] = ...) -> None: ...

class GetCorpusResponse(_message.Message):
    __slots__ = ("corpus", "timings")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    corpus: Corpus
    timings: _types_pb2.Timings
    def __init__(self, corpus: _Optional[_Union[Corpus, _Mapping]] = ..., timings: _Optional[_Union[_types_pb2.Timings, _Mapping]] = ...) -> None: ...

class ListCorporaRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCorporaResponse(_message.Message):
    __slots__ = ("corpora", "next_page_token", "timings")
    CORPORA_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    corpora: _containers.RepeatedCompositeFieldContainer[Corpus]
    next_page_token: str
    timings: _types_pb2.Timings
    def __init__(self, corpora: _Optional[_Iterable[_Union[Corpus, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., timings: _Optional[_Union[_types_pb2.Timings, _Mapping]] = ...) -> None: ...

class DeleteCorpusRequest(_message.Message):
    __slots__ = ("corpus", "request_id")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    corpus: str
    request_id: str
    def __init__(self, corpus: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class DeleteCorpusResponse(_message.Message):
    __slots__ = ("timings",)
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    timings: _types_pb2.Timings
    def __init__(self, timings: _Optional[_Union[_types_pb2.Timings, _Mapping]] = ...) -> None: ...

class OperationMetadata(_message.Message):
    __slots__ = ("corpus", "kind", "stage", "done", "failed", "skipped", "total", "rate", "start_time", "end_time")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    corpus: str
    kind: str
    stage: str
    done: int
    failed: int
    skipped: int
    total: int
    rate: float
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, corpus: _Optional[str] = ..., kind: _Optional[str] = ..., stage: _Optional[str] = ..., done: _Optional[int] = ..., failed: _Optional[int] = ..., skipped: _Optional[int] = ..., total: _Optional[int] = ..., rate: _Optional[float] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ImportDocumentsRequest(_message.Message):
    __slots__ = ("corpus", "path", "format", "skip_bad", "replace_existing", "request_id")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    SKIP_BAD_FIELD_NUMBER: _ClassVar[int]
    REPLACE_EXISTING_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    corpus: str
    path: str
    format: CorpusFormat
    skip_bad: bool
    replace_existing: bool
    request_id: str
    def __init__(self, corpus: _Optional[str] = ..., path: _Optional[str] = ..., format: _Optional[_Union[CorpusFormat, str]] = ..., skip_bad: _Optional[bool] = ..., replace_existing: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class ImportDocumentsResult(_message.Message):
    __slots__ = ("created", "replaced", "unchanged", "skipped", "failed", "duration")
    CREATED_FIELD_NUMBER: _ClassVar[int]
    REPLACED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    created: int
    replaced: int
    unchanged: int
    skipped: int
    failed: int
    duration: _duration_pb2.Duration
    def __init__(self, created: _Optional[int] = ..., replaced: _Optional[int] = ..., unchanged: _Optional[int] = ..., skipped: _Optional[int] = ..., failed: _Optional[int] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class IngestDocumentsRequest(_message.Message):
    __slots__ = ("corpus", "documents", "replace_existing", "request_id")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    REPLACE_EXISTING_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    corpus: str
    documents: _containers.RepeatedCompositeFieldContainer[_types_pb2.Document]
    replace_existing: bool
    request_id: str
    def __init__(self, corpus: _Optional[str] = ..., documents: _Optional[_Iterable[_Union[_types_pb2.Document, _Mapping]]] = ..., replace_existing: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class IngestDocumentsResponse(_message.Message):
    __slots__ = ("results", "request_id", "timings")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[IngestResult]
    request_id: str
    timings: _types_pb2.Timings
    def __init__(self, results: _Optional[_Iterable[_Union[IngestResult, _Mapping]]] = ..., request_id: _Optional[str] = ..., timings: _Optional[_Union[_types_pb2.Timings, _Mapping]] = ...) -> None: ...

class IngestResult(_message.Message):
    __slots__ = ("id", "outcome", "error")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[IngestResult.Outcome]
        OUTCOME_CREATED: _ClassVar[IngestResult.Outcome]
        OUTCOME_REPLACED: _ClassVar[IngestResult.Outcome]
        OUTCOME_UNCHANGED: _ClassVar[IngestResult.Outcome]
        OUTCOME_FAILED: _ClassVar[IngestResult.Outcome]
    OUTCOME_UNSPECIFIED: IngestResult.Outcome
    OUTCOME_CREATED: IngestResult.Outcome
    OUTCOME_REPLACED: IngestResult.Outcome
    OUTCOME_UNCHANGED: IngestResult.Outcome
    OUTCOME_FAILED: IngestResult.Outcome
    ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: str
    outcome: IngestResult.Outcome
    error: _status_pb2.Status
    def __init__(self, id: _Optional[str] = ..., outcome: _Optional[_Union[IngestResult.Outcome, str]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class DeleteDocumentsRequest(_message.Message):
    __slots__ = ("corpus", "ids", "request_id")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    corpus: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    request_id: str
    def __init__(self, corpus: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ..., request_id: _Optional[str] = ...) -> None: ...

class DeleteDocumentsResponse(_message.Message):
    __slots__ = ("deleted", "missing", "timings")
    DELETED_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    deleted: int
    missing: _containers.RepeatedScalarFieldContainer[str]
    timings: _types_pb2.Timings
    def __init__(self, deleted: _Optional[int] = ..., missing: _Optional[_Iterable[str]] = ..., timings: _Optional[_Union[_types_pb2.Timings, _Mapping]] = ...) -> None: ...

class IndexLeg(_message.Message):
    __slots__ = ("seal", "corpusbrain", "dense", "bm25")
    SEAL_FIELD_NUMBER: _ClassVar[int]
    CORPUSBRAIN_FIELD_NUMBER: _ClassVar[int]
    DENSE_FIELD_NUMBER: _ClassVar[int]
    BM25_FIELD_NUMBER: _ClassVar[int]
    seal: SealIndex
    corpusbrain: CorpusBrainIndex
    dense: DenseIndex
    bm25: Bm25Index
    def __init__(self, seal: _Optional[_Union[SealIndex, _Mapping]] = ..., corpusbrain: _Optional[_Union[CorpusBrainIndex, _Mapping]] = ..., dense: _Optional[_Union[DenseIndex, _Mapping]] = ..., bm25: _Optional[_Union[Bm25Index, _Mapping]] = ...) -> None: ...

class SealIndex(_message.Message):
    __slots__ = ("model", "adapter", "locate_every", "dtype")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ADAPTER_FIELD_NUMBER: _ClassVar[int]
    LOCATE_EVERY_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    model: str
    adapter: str
    locate_every: int
    dtype: str
    def __init__(self, model: _Optional[str] = ..., adapter: _Optional[str] = ..., locate_every: _Optional[int] = ..., dtype: _Optional[str] = ...) -> None: ...

class CorpusBrainIndex(_message.Message):
    __slots__ = ("model", "weights", "start", "objectives", "seed", "epochs", "pairs", "title_tokens", "memory")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    TITLE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    model: str
    weights: str
    start: str
    objectives: str
    seed: int
    epochs: int
    pairs: int
    title_tokens: int
    memory: int
    def __init__(self, model: _Optional[str] = ..., weights: _Optional[str] = ..., start: _Optional[str] = ..., objectives: _Optional[str] = ..., seed: _Optional[int] = ..., epochs: _Optional[int] = ..., pairs: _Optional[int] = ..., title_tokens: _Optional[int] = ..., memory: _Optional[int] = ...) -> None: ...

class DenseIndex(_message.Message):
    __slots__ = ("model", "index", "m", "ef_construction", "dtype", "title", "layers", "dimensions", "adapter", "storage", "vectors")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    M_FIELD_NUMBER: _ClassVar[int]
    EF_CONSTRUCTION_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    ADAPTER_FIELD_NUMBER: _ClassVar[int]
    STORAGE_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    model: str
    index: str
    m: int
    ef_construction: int
    dtype: str
    title: bool
    layers: str
    dimensions: int
    adapter: str
    storage: str
    vectors: str
    def __init__(self, model: _Optional[str] = ..., index: _Optional[str] = ..., m: _Optional[int] = ..., ef_construction: _Optional[int] = ..., dtype: _Optional[str] = ..., title: _Optional[bool] = ..., layers: _Optional[str] = ..., dimensions: _Optional[int] = ..., adapter: _Optional[str] = ..., storage: _Optional[str] = ..., vectors: _Optional[str] = ...) -> None: ...

class Bm25Index(_message.Message):
    __slots__ = ("engine", "k1", "b", "stem", "stop", "title", "section")
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    K1_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    STEM_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SECTION_FIELD_NUMBER: _ClassVar[int]
    engine: str
    k1: float
    b: float
    stem: bool
    stop: bool
    title: bool
    section: bool
    def __init__(self, engine: _Optional[str] = ..., k1: _Optional[float] = ..., b: _Optional[float] = ..., stem: _Optional[bool] = ..., stop: _Optional[bool] = ..., title: _Optional[bool] = ..., section: _Optional[bool] = ...) -> None: ...

class BuildIndexRequest(_message.Message):
    __slots__ = ("corpus", "legs", "passage_words", "workers", "request_id")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    PASSAGE_WORDS_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    corpus: str
    legs: _containers.RepeatedCompositeFieldContainer[IndexLeg]
    passage_words: int
    workers: int
    request_id: str
    def __init__(self, corpus: _Optional[str] = ..., legs: _Optional[_Iterable[_Union[IndexLeg, _Mapping]]] = ..., passage_words: _Optional[int] = ..., workers: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class BuildIndexResult(_message.Message):
    __slots__ = ("index_version", "pages", "passages", "legs", "result_hash", "duration")
    INDEX_VERSION_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    PASSAGES_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    RESULT_HASH_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    index_version: str
    pages: int
    passages: int
    legs: _containers.RepeatedScalarFieldContainer[str]
    result_hash: str
    duration: _duration_pb2.Duration
    def __init__(self, index_version: _Optional[str] = ..., pages: _Optional[int] = ..., passages: _Optional[int] = ..., legs: _Optional[_Iterable[str]] = ..., result_hash: _Optional[str] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class IndexVersion(_message.Message):
    __slots__ = ("version", "create_time", "legs", "pages", "passages", "result_hash", "active")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    PASSAGES_FIELD_NUMBER: _ClassVar[int]
    RESULT_HASH_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    version: str
    create_time: _timestamp_pb2.Timestamp
    legs: _containers.RepeatedScalarFieldContainer[str]
    pages: int
    passages: int
    result_hash: str
    active: bool
    def __init__(self, version: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., legs: _Optional[_Iterable[str]] = ..., pages: _Optional[int] = ..., passages: _Optional[int] = ..., result_hash: _Optional[str] = ..., active: _Optional[bool] = ...) -> None: ...

class ListIndexVersionsRequest(_message.Message):
    __slots__ = ("corpus",)
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    corpus: str
    def __init__(self, corpus: _Optional[str] = ...) -> None: ...

class ListIndexVersionsResponse(_message.Message):
    __slots__ = ("versions", "timings")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[IndexVersion]
    timings: _types_pb2.Timings
    def __init__(self, versions: _Optional[_Iterable[_Union[IndexVersion, _Mapping]]] = ..., timings: _Optional[_Union[_types_pb2.Timings, _Mapping]] = ...) -> None: ...

class ActivateIndexVersionRequest(_message.Message):
    __slots__ = ("corpus", "version", "request_id")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    corpus: str
    version: str
    request_id: str
    def __init__(self, corpus: _Optional[str] = ..., version: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class ActivateIndexVersionResponse(_message.Message):
    __slots__ = ("version", "previous_version", "timings")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    version: IndexVersion
    previous_version: str
    timings: _types_pb2.Timings
    def __init__(self, version: _Optional[_Union[IndexVersion, _Mapping]] = ..., previous_version: _Optional[str] = ..., timings: _Optional[_Union[_types_pb2.Timings, _Mapping]] = ...) -> None: ...
