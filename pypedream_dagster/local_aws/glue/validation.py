"""Checks a request against the service model that botocore ships, as Glue's front door does.

botocore checks types and required members before sending; lengths, patterns, ranges and enumerations are left
to the service, and a client in another language may send anything.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from pypedream_dagster.local_aws.glue.errors import ValidationException

# Java writes the supplementary planes as surrogate ranges; Python's re knows code points.
_SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
_CODE_POINTS = r"\U00010000-\U0010FFFF"


@functools.cache
def _service_model() -> ServiceModel:
    import botocore.session

    return botocore.session.get_session().get_service_model("glue")


@functools.cache
def operation_model(operation: str) -> OperationModel:
    """botocore's model of one Glue operation."""
    return _service_model().operation_model(operation)


@functools.cache
def shape_members(shape_name: str) -> tuple[str, ...]:
    """The member names of one structure of the Glue model, in the model's order."""
    shape = _service_model().shape_for(shape_name)
    assert isinstance(shape, StructureShape)
    return tuple(shape.members)


def validate(operation: str, request: dict[str, Any]) -> None:
    """Refuses a request that breaks the service model.

    Raises:
        ValidationException: naming every broken constraint.
    """
    shape = operation_model(operation).input_shape
    faults = list(_faults(shape, request, "")) if shape is not None else []
    if faults:
        count = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected: "
        raise ValidationException(count + "; ".join(faults))


def _faults(shape: Shape, value: Any, path: str) -> Iterator[str]:
    match shape:
        case StructureShape():
            if not isinstance(value, dict):
                yield _fault(value, path, "Member must be a structure")
                return
            for name in shape.required_members:
                if value.get(name) is None:
                    yield _fault(None, _join(path, name), "Member must not be null")
            for name, member in shape.members.items():
                if value.get(name) is not None:
                    yield from _faults(member, value[name], _join(path, name))
        case ListShape():
            if not isinstance(value, list):
                yield _fault(value, path, "Member must be a list")
                return
            yield from _range_faults(shape, value, len(value), path)
            for index, item in enumerate(value, 1):
                yield from _faults(shape.member, item, f"{path}.{index}.member")
        case MapShape():
            if not isinstance(value, dict):
                yield _fault(value, path, "Member must be a map")
                return
            yield from _range_faults(shape, value, len(value), path)
            for key, item in value.items():
                yield from _faults(shape.key, key, f"{path}.{key}.key")
                yield from _faults(shape.value, item, f"{path}.{key}.member")
        case _:
            yield from _scalar_faults(shape, value, path)


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "float": (int, float),
    "boolean": (bool,),
}


def _scalar_faults(shape: Shape, value: Any, path: str) -> Iterator[str]:
    expected = _PYTHON_TYPES.get(shape.type_name)
    if expected and (not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected)):
        yield _fault(value, path, f"Member must be of type {shape.type_name}")
        return
    if shape.type_name == "string":
        yield from _range_faults(shape, value, len(value), path)
        yield from _string_faults(shape, value, path)
    elif shape.type_name in ("integer", "long", "double", "float"):
        yield from _range_faults(shape, value, value, path)


def _string_faults(shape: Shape, value: str, path: str) -> Iterator[str]:
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield _fault(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not _compile(pattern).fullmatch(value):
        yield _fault(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _range_faults(shape: Shape, value: Any, size: float, path: str) -> Iterator[str]:
    noun = "value" if isinstance(value, int | float) else "length"
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield _fault(value, path, f"Member must have {noun} greater than or equal to {low}")
    if high is not None and size > high:
        yield _fault(value, path, f"Member must have {noun} less than or equal to {high}")


def _fault(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    member = name[0].lower() + name[1:]
    return f"{path}.{member}" if path else member


@functools.cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(_SURROGATES, _CODE_POINTS))
