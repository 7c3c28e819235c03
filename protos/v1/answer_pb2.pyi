from skerry.protos.v1 import generation_pb2 as _generation_pb2
from skerry.protos.v1 import ranking_pb2 as _ranking_pb2
from skerry.protos.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AnswerOptions(_message.Message):
    __slots__ = ("corpus", "legs", "fusion", "filter", "retrieve_limit", "rank_depth", "passages", "min_confidence", "generation", "ranker", "cascade", "explain")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    FUSION_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    RETRIEVE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    RANK_DEPTH_FIELD_NUMBER: _ClassVar[int]
    PASSAGES_FIELD_NUMBER: _ClassVar[int]
    MIN_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    RANKER_FIELD_NUMBER: _ClassVar[int]
    CASCADE_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    corpus: str
    legs: _containers.RepeatedCompositeFieldContainer[_types_pb2.Leg]
    fusion: _types_pb2.Fusion
    filter: _types_pb2.Filter
    retrieve_limit: int
    rank_depth: int
    passages: int
    min_confidence: float
    generation: _generation_pb2.GenerationOptions
    ranker: str
    cascade: _ranking_pb2.Cascade
    explain: bool
    def __init__(self, corpus: _Optional[str] = ..., legs: _Optional[_Iterable[_Union[_types_pb2.Leg, _Mapping]]] = ..., fusion: _Optional[_Union[_types_pb2.Fusion, str]] = ..., filter: _Optional[_Union[_types_pb2.Filter, _Mapping]] = ..., retrieve_limit: _Optional[int] = ..., rank_depth: _Optional[int] = ..., passages: _Optional[int] = ..., min_confidence: _Optional[float] = ..., generation: _Optional[_Union[_generation_pb2.GenerationOptions, _Mapping]] = ..., ranker: _Optional[str] = ..., cascade: _Optional[_Union[_ranking_pb2.Cascade, _Mapping]] = ..., explain: _Optional[bool] = ...) -> None: ...

class AnswerRequest(_message.Message):
    __slots__ = ("question", "options")
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    question: str
    options: AnswerOptions
    def __init__(self, question: _Optional[str] = ..., options: _Optional[_Union[AnswerOptions, _Mapping]] = ...) -> None: ...

class AnswerResponse(_message.Message):
    __slots__ = ("references", "text", "citations", "reason", "abstention", "usage", "timings", "quotes", "reading", "rests_on", "reuse", "no_reuse", "score", "alternatives")
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CITATIONS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ABSTENTION_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    QUOTES_FIELD_NUMBER: _ClassVar[int]
    READING_FIELD_NUMBER: _ClassVar[int]
    RESTS_ON_FIELD_NUMBER: _ClassVar[int]
    REUSE_FIELD_NUMBER: _ClassVar[int]
    NO_REUSE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    references: _containers.RepeatedCompositeFieldContainer[Reference]
    text: str
    citations: _containers.RepeatedCompositeFieldContainer[_generation_pb2.Citation]
    reason: _generation_pb2.FinishReason
    abstention: str
    usage: _generation_pb2.Usage
    timings: _types_pb2.Timings
    quotes: _generation_pb2.Quotes
    reading: _ranking_pb2.Reading
    rests_on: _containers.RepeatedCompositeFieldContainer[_generation_pb2.Support]
    reuse: _containers.RepeatedCompositeFieldContainer[_generation_pb2.CacheReuse]
    no_reuse: str
    score: float
    alternatives: _containers.RepeatedCompositeFieldContainer[_generation_pb2.Alternative]
    def __init__(self, references: _Optional[_Iterable[_Union[Reference, _Mapping]]] = ..., text: _Optional[str] = ..., citations: _Optional[_Iterable[_Union[_generation_pb2.Citation, _Mapping]]] = ..., reason: _Optional[_Union[_generation_pb2.FinishReason, str]] = ..., abstention: _Optional[str] = ..., usage: _Optional[_Union[_generation_pb2.Usage, _Mapping]] = ..., timings: _Optional[_Union[_types_pb2.Timings, _Mapping]] = ..., quotes: _Optional[_Union[_generation_pb2.Quotes, _Mapping]] = ..., reading: _Optional[_Union[_ranking_pb2.Reading, _Mapping]] = ..., rests_on: _Optional[_Iterable[_Union[_generation_pb2.Support, _Mapping]]] = ..., reuse: _Optional[_Iterable[_Union[_generation_pb2.CacheReuse, _Mapping]]] = ..., no_reuse: _Optional[str] = ..., score: _Optional[float] = ..., alternatives: _Optional[_Iterable[_Union[_generation_pb2.Alternative, _Mapping]]] = ...) -> None: ...

class StreamAnswerRequest(_message.Message):
    __slots__ = ("question", "options")
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    question: str
    options: AnswerOptions
    def __init__(self, question: _Optional[str] = ..., options: _Optional[_Union[AnswerOptions, _Mapping]] = ...) -> None: ...

class StreamAnswerResponse(_message.Message):
    __slots__ = ("references", "started", "delta", "citation", "completed")
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    CITATION_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    references: References
    started: _generation_pb2.Started
    delta: _generation_pb2.Delta
    citation: _generation_pb2.Citation
    completed: _generation_pb2.Completed
    def __init__(self, references: _Optional[_Union[References, _Mapping]] = ..., started: _Optional[_Union[_generation_pb2.Started, _Mapping]] = ..., delta: _Optional[_Union[_generation_pb2.Delta, _Mapping]] = ..., citation: _Optional[_Union[_generation_pb2.Citation, _Mapping]] = ..., completed: _Optional[_Union[_generation_pb2.Completed, _Mapping]] = ...) -> None: ...

class References(_message.Message):
    __slots__ = ("references", "given", "reading")
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    READING_FIELD_NUMBER: _ClassVar[int]
    references: _containers.RepeatedCompositeFieldContainer[Reference]
    given: int
    reading: _ranking_pb2.Reading
    def __init__(self, references: _Optional[_Iterable[_Union[Reference, _Mapping]]] = ..., given: _Optional[int] = ..., reading: _Optional[_Union[_ranking_pb2.Reading, _Mapping]] = ...) -> None: ...

class Reference(_message.Message):
    __slots__ = ("hit", "rank_score", "calibrated", "explanation")
    HIT_FIELD_NUMBER: _ClassVar[int]
    RANK_SCORE_FIELD_NUMBER: _ClassVar[int]
    CALIBRATED_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    hit: _types_pb2.Hit
    rank_score: float
    calibrated: float
    explanation: _ranking_pb2.RankExplanation
    def __init__(self, hit: _Optional[_Union[_types_pb2.Hit, _Mapping]] = ..., rank_score: _Optional[float] = ..., calibrated: _Optional[float] = ..., explanation: _Optional[_Union[_ranking_pb2.RankExplanation, _Mapping]] = ...) -> None: ...
