import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Fusion(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FUSION_UNSPECIFIED: _ClassVar[Fusion]
    FUSION_RRF: _ClassVar[Fusion]
    FUSION_CONVEX: _ClassVar[Fusion]
    FUSION_LEARNED: _ClassVar[Fusion]
FUSION_UNSPECIFIED: Fusion
FUSION_RRF: Fusion
FUSION_CONVEX: Fusion
FUSION_LEARNED: Fusion

class Span(_message.Message):
    __slots__ = ("start_paragraph", "start_character", "end_paragraph", "end_character")
    START_PARAGRAPH_FIELD_NUMBER: _ClassVar[int]
    START_CHARACTER_FIELD_NUMBER: _ClassVar[int]
    END_PARAGRAPH_FIELD_NUMBER: _ClassVar[int]
    END_CHARACTER_FIELD_NUMBER: _ClassVar[int]
    start_paragraph: int
    start_character: int
    end_paragraph: int
    end_character: int
    def __init__(self, start_paragraph: _Optional[int] = ..., start_character: _Optional[int] = ..., end_paragraph: _Optional[int] = ..., end_character: _Optional[int] = ...) -> None: ...

class TextRange(_message.Message):
    __slots__ = ("start_character", "end_character", "start_byte", "end_byte")
    START_CHARACTER_FIELD_NUMBER: _ClassVar[int]
    END_CHARACTER_FIELD_NUMBER: _ClassVar[int]
    START_BYTE_FIELD_NUMBER: _ClassVar[int]
    END_BYTE_FIELD_NUMBER: _ClassVar[int]
    start_character: int
    end_character: int
    start_byte: int
    end_byte: int
    def __init__(self, start_character: _Optional[int] = ..., end_character: _Optional[int] = ..., start_byte: _Optional[int] = ..., end_byte: _Optional[int] = ...) -> None: ...

class Passage(_message.Message):
    __slots__ = ("id", "page_id", "title", "section", "text", "span", "ordinal", "text_bytes")
    ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SECTION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    TEXT_BYTES_FIELD_NUMBER: _ClassVar[int]
    id: str
    page_id: str
    title: str
    section: str
    text: str
    span: Span
    ordinal: int
    text_bytes: int
    def __init__(self, id: _Optional[str] = ..., page_id: _Optional[str] = ..., title: _Optional[str] = ..., section: _Optional[str] = ..., text: _Optional[str] = ..., span: _Optional[_Union[Span, _Mapping]] = ..., ordinal: _Optional[int] = ..., text_bytes: _Optional[int] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("ngram", "count", "score", "ranges", "leg", "in_title")
    NGRAM_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    LEG_FIELD_NUMBER: _ClassVar[int]
    IN_TITLE_FIELD_NUMBER: _ClassVar[int]
    ngram: str
    count: int
    score: float
    ranges: _containers.RepeatedCompositeFieldContainer[TextRange]
    leg: str
    in_title: bool
    def __init__(self, ngram: _Optional[str] = ..., count: _Optional[int] = ..., score: _Optional[float] = ..., ranges: _Optional[_Iterable[_Union[TextRange, _Mapping]]] = ..., leg: _Optional[str] = ..., in_title: _Optional[bool] = ...) -> None: ...

class LegScore(_message.Message):
    __slots__ = ("leg", "rank", "score")
    LEG_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    leg: str
    rank: int
    score: float
    def __init__(self, leg: _Optional[str] = ..., rank: _Optional[int] = ..., score: _Optional[float] = ...) -> None: ...

class Hit(_message.Message):
    __slots__ = ("passage", "score", "legs", "evidence")
    PASSAGE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    passage: Passage
    score: float
    legs: _containers.RepeatedCompositeFieldContainer[LegScore]
    evidence: _containers.RepeatedCompositeFieldContainer[Evidence]
    def __init__(self, passage: _Optional[_Union[Passage, _Mapping]] = ..., score: _Optional[float] = ..., legs: _Optional[_Iterable[_Union[LegScore, _Mapping]]] = ..., evidence: _Optional[_Iterable[_Union[Evidence, _Mapping]]] = ...) -> None: ...

class StageTiming(_message.Message):
    __slots__ = ("stage", "duration")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    stage: str
    duration: _duration_pb2.Duration
    def __init__(self, stage: _Optional[str] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Timings(_message.Message):
    __slots__ = ("total", "queue", "stages")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    total: _duration_pb2.Duration
    queue: _duration_pb2.Duration
    stages: _containers.RepeatedCompositeFieldContainer[StageTiming]
    def __init__(self, total: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., queue: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., stages: _Optional[_Iterable[_Union[StageTiming, _Mapping]]] = ...) -> None: ...

class SealLeg(_message.Message):
    __slots__ = ("beams", "scoring", "ngram_tokens", "titles", "query_keys", "groups", "diversity", "title_tokens", "max_count", "candidates", "evidence", "title_weight", "query_weight", "token_weight", "power", "repetition", "smoothing", "token_power", "query_tokens", "length_share")
    class Scoring(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SCORING_UNSPECIFIED: _ClassVar[SealLeg.Scoring]
        SCORING_LM: _ClassVar[SealLeg.Scoring]
        SCORING_LM_FM: _ClassVar[SealLeg.Scoring]
        SCORING_INTERSECTIVE: _ClassVar[SealLeg.Scoring]
        SCORING_BALANCED: _ClassVar[SealLeg.Scoring]
    SCORING_UNSPECIFIED: SealLeg.Scoring
    SCORING_LM: SealLeg.Scoring
    SCORING_LM_FM: SealLeg.Scoring
    SCORING_INTERSECTIVE: SealLeg.Scoring
    SCORING_BALANCED: SealLeg.Scoring
    BEAMS_FIELD_NUMBER: _ClassVar[int]
    SCORING_FIELD_NUMBER: _ClassVar[int]
    NGRAM_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TITLES_FIELD_NUMBER: _ClassVar[int]
    QUERY_KEYS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    DIVERSITY_FIELD_NUMBER: _ClassVar[int]
    TITLE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_COUNT_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    TITLE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    QUERY_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    POWER_FIELD_NUMBER: _ClassVar[int]
    REPETITION_FIELD_NUMBER: _ClassVar[int]
    SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    TOKEN_POWER_FIELD_NUMBER: _ClassVar[int]
    QUERY_TOKENS_FIELD_NUMBER: _ClassVar[int]
    LENGTH_SHARE_FIELD_NUMBER: _ClassVar[int]
    beams: int
    scoring: SealLeg.Scoring
    ngram_tokens: int
    titles: bool
    query_keys: bool
    groups: int
    diversity: float
    title_tokens: int
    max_count: int
    candidates: int
    evidence: int
    title_weight: float
    query_weight: float
    token_weight: float
    power: float
    repetition: float
    smoothing: float
    token_power: float
    query_tokens: bool
    length_share: float
    def __init__(self, beams: _Optional[int] = ..., scoring: _Optional[_Union[SealLeg.Scoring, str]] = ..., ngram_tokens: _Optional[int] = ..., titles: _Optional[bool] = ..., query_keys: _Optional[bool] = ..., groups: _Optional[int] = ..., diversity: _Optional[float] = ..., title_tokens: _Optional[int] = ..., max_count: _Optional[int] = ..., candidates: _Optional[int] = ..., evidence: _Optional[int] = ..., title_weight: _Optional[float] = ..., query_weight: _Optional[float] = ..., token_weight: _Optional[float] = ..., power: _Optional[float] = ..., repetition: _Optional[float] = ..., smoothing: _Optional[float] = ..., token_power: _Optional[float] = ..., query_tokens: _Optional[bool] = ..., length_share: _Optional[float] = ...) -> None: ...

class CorpusBrainLeg(_message.Message):
    __slots__ = ("beams", "scoring", "titles", "pages", "passage_weight", "memory_share")
    class Scoring(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SCORING_UNSPECIFIED: _ClassVar[CorpusBrainLeg.Scoring]
        SCORING_LOG_PROBABILITY: _ClassVar[CorpusBrainLeg.Scoring]
        SCORING_LENGTH_NORMALISED: _ClassVar[CorpusBrainLeg.Scoring]
    SCORING_UNSPECIFIED: CorpusBrainLeg.Scoring
    SCORING_LOG_PROBABILITY: CorpusBrainLeg.Scoring
    SCORING_LENGTH_NORMALISED: CorpusBrainLeg.Scoring
    BEAMS_FIELD_NUMBER: _ClassVar[int]
    SCORING_FIELD_NUMBER: _ClassVar[int]
    TITLES_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    PASSAGE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_SHARE_FIELD_NUMBER: _ClassVar[int]
    beams: int
    scoring: CorpusBrainLeg.Scoring
    titles: int
    pages: int
    passage_weight: float
    memory_share: float
    def __init__(self, beams: _Optional[int] = ..., scoring: _Optional[_Union[CorpusBrainLeg.Scoring, str]] = ..., titles: _Optional[int] = ..., pages: _Optional[int] = ..., passage_weight: _Optional[float] = ..., memory_share: _Optional[float] = ...) -> None: ...

class DenseLeg(_message.Message):
    __slots__ = ("dimensions", "layers", "rescore_dimensions", "oversample", "ef_search", "document_layers", "nprobe")
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    RESCORE_DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    OVERSAMPLE_FIELD_NUMBER: _ClassVar[int]
    EF_SEARCH_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_LAYERS_FIELD_NUMBER: _ClassVar[int]
    NPROBE_FIELD_NUMBER: _ClassVar[int]
    dimensions: int
    layers: int
    rescore_dimensions: int
    oversample: float
    ef_search: int
    document_layers: int
    nprobe: int
    def __init__(self, dimensions: _Optional[int] = ..., layers: _Optional[int] = ..., rescore_dimensions: _Optional[int] = ..., oversample: _Optional[float] = ..., ef_search: _Optional[int] = ..., document_layers: _Optional[int] = ..., nprobe: _Optional[int] = ...) -> None: ...

class Bm25Leg(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Leg(_message.Message):
    __slots__ = ("seal", "corpusbrain", "dense", "bm25", "limit", "weight")
    SEAL_FIELD_NUMBER: _ClassVar[int]
    CORPUSBRAIN_FIELD_NUMBER: _ClassVar[int]
    DENSE_FIELD_NUMBER: _ClassVar[int]
    BM25_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    seal: SealLeg
    corpusbrain: CorpusBrainLeg
    dense: DenseLeg
    bm25: Bm25Leg
    limit: int
    weight: float
    def __init__(self, seal: _Optional[_Union[SealLeg, _Mapping]] = ..., corpusbrain: _Optional[_Union[CorpusBrainLeg, _Mapping]] = ..., dense: _Optional[_Union[DenseLeg, _Mapping]] = ..., bm25: _Optional[_Union[Bm25Leg, _Mapping]] = ..., limit: _Optional[int] = ..., weight: _Optional[float] = ...) -> None: ...

class Filter(_message.Message):
    __slots__ = ("page_ids",)
    PAGE_IDS_FIELD_NUMBER: _ClassVar[int]
    page_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, page_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Document(_message.Message):
    __slots__ = ("id", "title", "paragraphs", "anchors", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PARAGRAPHS_FIELD_NUMBER: _ClassVar[int]
    ANCHORS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: str
    paragraphs: _containers.RepeatedScalarFieldContainer[str]
    anchors: _containers.RepeatedCompositeFieldContainer[Anchor]
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, id: _Optional[str] = ..., title: _Optional[str] = ..., paragraphs: _Optional[_Iterable[str]] = ..., anchors: _Optional[_Iterable[_Union[Anchor, _Mapping]]] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Anchor(_message.Message):
    __slots__ = ("text", "target", "paragraph", "start_character", "end_character")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    PARAGRAPH_FIELD_NUMBER: _ClassVar[int]
    START_CHARACTER_FIELD_NUMBER: _ClassVar[int]
    END_CHARACTER_FIELD_NUMBER: _ClassVar[int]
    text: str
    target: str
    paragraph: int
    start_character: int
    end_character: int
    def __init__(self, text: _Optional[str] = ..., target: _Optional[str] = ..., paragraph: _Optional[int] = ..., start_character: _Optional[int] = ..., end_character: _Optional[int] = ...) -> None: ...
