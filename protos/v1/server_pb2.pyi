from skerry.protos.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ("version", "message_limit_bytes", "services", "indexes", "ranker", "generator", "embedder", "workers", "queue", "timings", "rankers")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    INDEXES_FIELD_NUMBER: _ClassVar[int]
    RANKER_FIELD_NUMBER: _ClassVar[int]
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    EMBEDDER_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    RANKERS_FIELD_NUMBER: _ClassVar[int]
    version: str
    message_limit_bytes: int
    services: _containers.RepeatedScalarFieldContainer[str]
    indexes: _containers.RepeatedCompositeFieldContainer[ServedIndex]
    ranker: str
    generator: str
    embedder: str
    workers: int
    queue: int
    timings: _types_pb2.Timings
    rankers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[str] = ..., message_limit_bytes: _Optional[int] = ..., services: _Optional[_Iterable[str]] = ..., indexes: _Optional[_Iterable[_Union[ServedIndex, _Mapping]]] = ..., ranker: _Optional[str] = ..., generator: _Optional[str] = ..., embedder: _Optional[str] = ..., workers: _Optional[int] = ..., queue: _Optional[int] = ..., timings: _Optional[_Union[_types_pb2.Timings, _Mapping]] = ..., rankers: _Optional[_Iterable[str]] = ...) -> None: ...

class ServedIndex(_message.Message):
    __slots__ = ("corpus", "version", "legs", "passages", "pages")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    PASSAGES_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    corpus: str
    version: str
    legs: _containers.RepeatedScalarFieldContainer[str]
    passages: int
    pages: int
    def __init__(self, corpus: _Optional[str] = ..., version: _Optional[str] = ..., legs: _Optional[_Iterable[str]] = ..., passages: _Optional[int] = ..., pages: _Optional[int] = ...) -> None: ...
