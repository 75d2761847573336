"""STS: who the credentials in use belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pypedream_dagster.aws.translate import translated

if TYPE_CHECKING:
    from mypy_boto3_sts.client import STSClient as BotoSts


@dataclass(frozen=True, slots=True)
class Caller:
    """The identity behind the credentials."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn`` or ``aws-us-gov``."""
        return self.arn.split(":")[1]


class StsClient:
    """The STS call in use; the identity is asked for once."""

    def __init__(self, boto: BotoSts) -> None:
        self._boto = boto
        self._caller: Caller | None = None

    def caller(self) -> Caller:
        """Return the identity of the credentials in use.

        Raises:
            NotConfiguredError: AWS does not accept the credentials.
        """
        if self._caller is None:
            with translated("sts", "the credentials in use"):
                answer = self._boto.get_caller_identity()
            self._caller = Caller(account=answer["Account"], arn=answer["Arn"])
        return self._caller
