"""The one error of this stand-in."""

from __future__ import annotations


class NotEmulatedError(NotImplementedError, AttributeError):
    """A part of awsglue that exists on AWS and not here; also an AttributeError, so that hasattr answers."""

    def __init__(self, what: str, instead: str = "use the DataFrame API (toDF/fromDF), or run it on AWS") -> None:
        super().__init__(f"{what} is not emulated by the embedded AWS; {instead}")
