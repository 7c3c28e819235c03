from skerry.protos.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RankRequest(_message.Message):
    __slots__ = ("query", "candidates", "limit", "ranker", "depth", "cascade", "explain", "corpus")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    RANKER_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    CASCADE_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    query: str
    candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    limit: int
    ranker: str
    depth: int
    cascade: Cascade
    explain: bool
    corpus: str
    def __init__(self, query: _Optional[str] = ..., candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ..., limit: _Optional[int] = ..., ranker: _Optional[str] = ..., depth: _Optional[int] = ..., cascade: _Optional[_Union[Cascade, _Mapping]] = ..., explain: _Optional[bool] = ..., corpus: _Optional[str] = ...) -> None: ...

class Cascade(_message.Message):
    __slots__ = ("cheap_ranker", "strong_depth", "margin", "block", "reserve")
    CHEAP_RANKER_FIELD_NUMBER: _ClassVar[int]
    STRONG_DEPTH_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    RESERVE_FIELD_NUMBER: _ClassVar[int]
    cheap_ranker: str
    strong_depth: int
    margin: float
    block: int
    reserve: float
    def __init__(self, cheap_ranker: _Optional[str] = ..., strong_depth: _Optional[int] = ..., margin: _Optional[float] = ..., block: _Optional[int] = ..., reserve: _Optional[float] = ...) -> None: ...

class Candidate(_message.Message):
    __slots__ = ("id", "title", "text", "first_stage_score", "passage_id", "first_stage_rank")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FIRST_STAGE_SCORE_FIELD_NUMBER: _ClassVar[int]
    PASSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_STAGE_RANK_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: str
    text: str
    first_stage_score: float
    passage_id: str
    first_stage_rank: int
    def __init__(self, id: _Optional[str] = ..., title: _Optional[str] = ..., text: _Optional[str] = ..., first_stage_score: _Optional[float] = ..., passage_id: _Optional[str] = ..., first_stage_rank: _Optional[int] = ...) -> None: ...

class RankResponse(_message.Message):
    __slots__ = ("candidates", "ranker", "timings", "reading")
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    RANKER_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    READING_FIELD_NUMBER: _ClassVar[int]
    candidates: _containers.RepeatedCompositeFieldContainer[RankedCandidate]
    ranker: str
    timings: _types_pb2.Timings
    reading: Reading
    def __init__(self, candidates: _Optional[_Iterable[_Union[RankedCandidate, _Mapping]]] = ..., ranker: _Optional[str] = ..., timings: _Optional[_Union[_types_pb2.Timings, _Mapping]] = ..., reading: _Optional[_Union[Reading, _Mapping]] = ...) -> None: ...

class Reading(_message.Message):
    __slots__ = ("ranker", "cheap_ranker", "read", "stopped")
    class StoppedBy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STOPPED_BY_UNSPECIFIED: _ClassVar[Reading.StoppedBy]
        STOPPED_BY_DEPTH: _ClassVar[Reading.StoppedBy]
        STOPPED_BY_MARGIN: _ClassVar[Reading.StoppedBy]
        STOPPED_BY_DEADLINE: _ClassVar[Reading.StoppedBy]
    STOPPED_BY_UNSPECIFIED: Reading.StoppedBy
    STOPPED_BY_DEPTH: Reading.StoppedBy
    STOPPED_BY_MARGIN: Reading.StoppedBy
    STOPPED_BY_DEADLINE: Reading.StoppedBy
    RANKER_FIELD_NUMBER: _ClassVar[int]
    CHEAP_RANKER_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    ranker: str
    cheap_ranker: str
    read: int
    stopped: Reading.StoppedBy
    def __init__(self, ranker: _Optional[str] = ..., cheap_ranker: _Optional[str] = ..., read: _Optional[int] = ..., stopped: _Optional[_Union[Reading.StoppedBy, str]] = ...) -> None: ...

class RankedCandidate(_message.Message):
    __slots__ = ("index", "id", "score", "calibrated", "explanation")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    CALIBRATED_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    score: float
    calibrated: float
    explanation: RankExplanation
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., score: _Optional[float] = ..., calibrated: _Optional[float] = ..., explanation: _Optional[_Union[RankExplanation, _Mapping]] = ...) -> None: ...

class RankExplanation(_message.Message):
    __slots__ = ("before", "after", "first_stage_score", "scores")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    FIRST_STAGE_SCORE_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    before: int
    after: int
    first_stage_score: float
    scores: _containers.RepeatedCompositeFieldContainer[RankerScore]
    def __init__(self, before: _Optional[int] = ..., after: _Optional[int] = ..., first_stage_score: _Optional[float] = ..., scores: _Optional[_Iterable[_Union[RankerScore, _Mapping]]] = ...) -> None: ...

class RankerScore(_message.Message):
    __slots__ = ("ranker", "raw", "calibrated", "first_stage")
    RANKER_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    CALIBRATED_FIELD_NUMBER: _ClassVar[int]
    FIRST_STAGE_FIELD_NUMBER: _ClassVar[int]
    ranker: str
    raw: float
    calibrated: float
    first_stage: float
    def __init__(self, ranker: _Optional[str] = ..., raw: _Optional[float] = ..., calibrated: _Optional[float] = ..., first_stage: _Optional[float] = ...) -> None: ...

class BatchRankRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[RankRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[RankRequest, _Mapping]]] = ...) -> None: ...

class BatchRankResponse(_message.Message):
    __slots__ = ("responses", "timings")
    RESPONSES_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    responses: _containers.RepeatedCompositeFieldContainer[RankResponse]
    timings: _types_pb2.Timings
    def __init__(self, responses: _Optional[_Iterable[_Union[RankResponse, _Mapping]]] = ..., timings: _Optional[_Union[_types_pb2.Timings, _Mapping]] = ...) -> None: ...
