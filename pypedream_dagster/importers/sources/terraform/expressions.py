"""What Terraform's expressions are made of; templates are expressions too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, true, false, null, or a text without interpolations."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Template:
    """A text with interpolations and directives in it; with one part alone it is that part's value."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """``a ? b : c``, and the directive ``%{ if a }b%{ else }c%{ endif }``."""

    condition: Expression
    yes: Expression
    no: Expression


@dataclass(frozen=True, slots=True)
class Loop:
    """A ``for`` expression, or a directive ``%{ for … }``.

    Attributes:
        kind: of what it makes; a directive makes a ``text``.
        key: the name of the key or index; None where only the value has a name.
        result_key: of an ``object``: what each key is.
        grouped: whether an object's equal keys gather their values in lists.
    """

    kind: Literal["tuple", "object", "text"]
    key: str | None
    value: str
    collection: Expression
    result: Expression
    result_key: Expression | None = None
    condition: Expression | None = None
    grouped: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """The first word of a reference: ``var``, ``aws_glue_job``, a loop's variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step into a value: a key by expression; without one, into all items."""

    key: Expression | None


@dataclass(frozen=True, slots=True)
class Access:
    """Steps into a value, one after the other."""

    base: Expression
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function; ``spread``: its last argument is a list of arguments."""

    function: str
    arguments: tuple[Expression, ...]
    spread: bool = False


@dataclass(frozen=True, slots=True)
class TupleOf:
    """``[a, b]``."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """``{ a = b }``; a bare word as a key is a text."""

    items: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator with one or two operands."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An expression that is not Terraform's."""

    text: str


Expression: TypeAlias = (
    Constant | Template | Choice | Loop | Name | Access | Call | TupleOf | ObjectOf | Operation | Unreadable
)
