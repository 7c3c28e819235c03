"""Legs with their options, and fusions, by name in the domain and by number on the wire."""

from __future__ import annotations

from typing import Any

from skerry.core.errors import InvalidInput, NotFound
from skerry.protos.v1 import types_pb2
from skerry.retrieval.base import LegRequest, Option

_FUSIONS = {
    "rrf": types_pb2.FUSION_RRF,
    "convex": types_pb2.FUSION_CONVEX,
    "learned": types_pb2.FUSION_LEARNED,
}
_FUSION_NAMES = {number: name for name, number in _FUSIONS.items()}


def leg(value: LegRequest) -> types_pb2.Leg:
    """A leg for the wire.

    Raises:
        NotFound: a leg that the contract does not know.
        InvalidInput: an option that the contract does not know, or a value of the wrong kind.
    """
    kinds = types_pb2.Leg.DESCRIPTOR.oneofs_by_name["kind"].fields
    kind = next((field for field in kinds if field.name == value.name), None)
    if kind is None:
        raise NotFound(
            f"There is no leg named {value.name!r}; known: {', '.join(field.name for field in kinds)}.",
            details={"kind": "leg", "name": value.name},
        )
    message = types_pb2.Leg(limit=value.limit, weight=value.weight)
    knobs = getattr(message, value.name)
    knobs.SetInParent()
    known = knobs.DESCRIPTOR.fields_by_name
    for name, option in value.options.items():
        field = known.get(name)
        if field is None:
            raise InvalidInput(
                f"The {value.name} leg has no option {name!r}.",
                hint=f"It knows: {', '.join(known) or 'none'}.",
                details={"leg": value.name, "option": name},
            )
        try:
            setattr(knobs, name, _enum_number(field, option) if field.enum_type else option)
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"{value.name}.{name} cannot be {option!r}.",
                details={"leg": value.name, "option": name},
            ) from error
    return message


def leg_of(message: types_pb2.Leg, where: str) -> LegRequest:
    """A leg from the wire; `where` names it in errors ("legs[0]").

    Raises:
        InvalidInput: no kind of leg is set.
    """
    name = message.WhichOneof("kind")
    if name is None:
        kinds = types_pb2.Leg.DESCRIPTOR.oneofs_by_name["kind"].fields
        raise InvalidInput(
            f"{where} does not say which leg it is.",
            hint=f"Set one of {', '.join(field.name for field in kinds)}.",
            details={"field": where},
        )
    options: dict[str, Option] = {}
    for field, value in getattr(message, name).ListFields():
        options[field.name] = _enum_name(field, value) if field.enum_type else value
    default = LegRequest(name)
    return LegRequest(
        name=name,
        limit=message.limit if message.HasField("limit") else default.limit,
        weight=message.weight if message.HasField("weight") else default.weight,
        options=options,
    )


def fusion(name: str) -> types_pb2.Fusion:
    """The number of a fusion. Raises `NotFound` that lists the known ones."""
    if name not in _FUSIONS:
        raise NotFound(
            f"There is no fusion named {name!r}; known: {', '.join(_FUSIONS)}.",
            details={"kind": "fusion", "name": name},
        )
    return _FUSIONS[name]


def fusion_of(message: Any) -> str:
    """The fusion of a message that has an optional field of that name; "rrf" where it is absent."""
    if not message.HasField("fusion") or message.fusion == types_pb2.FUSION_UNSPECIFIED:
        return "rrf"
    if message.fusion not in _FUSION_NAMES:
        raise InvalidInput(f"There is no fusion of number {message.fusion}.", details={"field": "fusion"})
    return _FUSION_NAMES[message.fusion]


def _enum_number(field: Any, option: Option) -> int:
    """`lm_fm` -> SCORING_LM_FM."""
    for value in field.enum_type.values:
        if value.number and value.name.removeprefix(f"{field.enum_type.name.upper()}_").lower() == option:
            return int(value.number)
    raise ValueError(option)


def _enum_name(field: Any, number: int) -> Option:
    value = field.enum_type.values_by_number.get(number)
    if value is None or number == 0:
        return number
    return str(value.name.removeprefix(f"{field.enum_type.name.upper()}_").lower())
