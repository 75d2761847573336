"""The one place where botocore's exceptions become ours: every client call runs inside `translated`.

What they say is masked, in ours and in theirs, which stay chained to ours and are shown in Dagster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSLError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from pypedream_dagster.aws.permissions import actions_for, denied_hint
from pypedream_dagster.errors import (
    AccessDeniedError,
    AwsError,
    BusyError,
    ConcurrencyError,
    ConflictError,
    NotConfiguredError,
    NotFoundError,
)
from pypedream_dagster.masking.mask import mask_exception

_DENIED = {
    "403",
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "AuthorizationError",
    "UnauthorizedOperation",
}
_NOT_FOUND = {
    "404",
    "EntityNotFoundException",
    "ExecutionDoesNotExist",
    "NoSuchBucket",
    "NoSuchEntity",
    "NoSuchKey",
    "NoSuchTagSet",
    "NoSuchUpload",
    "ResourceNotFoundException",
    "StateMachineDoesNotExist",
}
_CONFLICT = {"412", "PreconditionFailed"}
_BUSY = {
    "ConcurrentModificationException",
    "ConditionalRequestConflict",
    "InternalError",
    "InternalFailure",
    "InternalServiceException",
    "OperationTimeoutException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_CONCURRENCY = {"ConcurrentRunsExceededException", "ResourceNumberLimitExceededException"}
_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_ACTION = re.compile(r"not authorized to perform:? (?P<action>[\w-]+:\w+)(?: on (?:the )?resource:? (?P<arn>\S+))?")


@contextmanager
def translated(service: str, resource: str) -> Iterator[None]:
    """Run botocore calls; what they raise leaves as one of our errors, chained to the cause.

    Args:
        service: the service's IAM prefix, such as ``glue``.
        resource: what the call is about, as a reader would name it: ``Glue job sales`` or an S3 URI.

    Raises:
        AccessDeniedError: the hint names the permission that is missing and on what.
        NotFoundError: the resource does not exist.
        ConflictError: a condition of the call does not hold.
        BusyError: throttled, a 5xx answer, or an answer that never came.
        ConcurrencyError: the Glue job runs as often at once as it may.
        NotConfiguredError: no, partial or expired credentials.
        AwsError: anything else that AWS or the network answered.
    """
    try:
        yield
    except ClientError as error:
        raise _from_answer(mask_exception(error), service, resource) from error
    except (NoCredentialsError, PartialCredentialsError, TokenRetrievalError, UnauthorizedSSOTokenError) as error:
        raise NotConfiguredError(
            f"No usable AWS credentials for {resource}: {error}",
            hint="log in again (aws sso login, aws configure), or run 'pypedream local up'",
        ) from error
    except (EndpointConnectionError, ConnectTimeoutError, SSLError) as error:
        raise AwsError(
            f"{service} could not be reached for {resource}: {error}",
            hint="check the network, AWS_ENDPOINT_URL and the region; "
            "if this is the embedded AWS, start it with 'pypedream local up'",
        ) from error
    except (ReadTimeoutError, ConnectionClosedError) as error:
        raise BusyError(
            f"{service} broke off before it answered about {resource}: {error}", hint="run the command again"
        ) from error
    except ParamValidationError as error:  # it repeats what was sent
        mask_exception(error)
        raise AwsError(
            f"{service} knows no such request for {resource}: {_one_line(str(error))}",
            hint="correct the field named, or upgrade boto3 if the field is new",
        ) from error
    except BotoCoreError as error:
        mask_exception(error)
        raise AwsError(f"{service} failed for {resource}: {_one_line(str(error))}") from error


def _from_answer(error: ClientError, service: str, resource: str) -> AwsError:
    details = error.response.get("Error", {})
    code = details.get("Code", "Unknown")
    message = _one_line(details.get("Message", "")).rstrip(".")  # what is said ends with the one below
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    call = f"{service}:{error.operation_name}"
    said = f"{call} on {resource}: {code}" + (f": {message}" if message and message != code else "")
    if code in _DENIED:
        found = _ACTION.search(message)
        action = found["action"] if found else " and ".join(actions_for(call))
        target = (found["arn"] if found and found["arn"] else resource).strip('.,"')
        return AccessDeniedError(f"Access denied: {said}.", hint=denied_hint(action, target))
    if code in _NOT_FOUND:
        return NotFoundError(f"Not found: {said}.", hint="check the name, the region and the account in use")
    if code in _CONFLICT:
        return ConflictError(f"Somebody else was first: {said}.", hint="run the command again")
    if code in _BAD_CREDENTIALS:
        return NotConfiguredError(
            f"AWS does not accept the credentials: {said}.",
            hint="log in again; credentials of the embedded AWS work with its endpoint only",
        )
    if code in _CONCURRENCY and error.operation_name == "StartJobRun":
        return ConcurrencyError(
            f"No further run may start now: {said}.",
            hint="wait for the runs under way, or raise the job's MaxConcurrentRuns",
        )
    if code in _BUSY or status >= 500:
        return BusyError(f"AWS is busy: {said}.", hint="wait a little and run the command again")
    return AwsError(f"AWS refused {said}.")


def _one_line(text: str) -> str:
    return " ".join(text.split())
