"""A stand-in for AWS Glue's ``awsglue`` on plain PySpark, for jobs that the embedded AWS runs.

Written from the public developer guide; what ordinary scripts use behaves as described there, and anything else
raises :class:`awsglue.errors.NotEmulatedError`, which names it. It lives in the job's process, knows nothing of
Pypedream, and reaches the catalog and S3 as a job on AWS does: through boto3 and the job's own credentials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awsglue.dynamicframe import DynamicFrame, DynamicFrameCollection

__all__ = ["DynamicFrame", "DynamicFrameCollection"]


def __getattr__(name: str) -> Any:
    # Lazily: Python shell jobs import awsglue.utils and have no use for Spark.
    if name in __all__:
        from awsglue import dynamicframe

        return getattr(dynamicframe, name)
    raise AttributeError(f"module 'awsglue' has no attribute {name!r}")
