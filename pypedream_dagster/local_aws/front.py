"""The WSGI application: authenticates, authorizes, and hands each request to Glue's jobs or to moto.

moto's own authorization stays off: it ignores session policies, S3 conditions and the keys of a multi-delete.
Signatures are not verified; the root key's id is unguessable instead, and a session needs its token.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIEnvironment

from pypedream_dagster.local_aws import moto_backends
from pypedream_dagster.local_aws.access.identity import Principal, principal_of
from pypedream_dagster.local_aws.access.permissions import (
    Permission,
    glue_permissions,
    list_permission,
    other_permissions,
    s3_permissions,
)
from pypedream_dagster.local_aws.access.trust import sts_refusal
from pypedream_dagster.local_aws.aws_request import AwsRequest, read_request
from pypedream_dagster.local_aws.aws_response import (
    Response,
    json_error,
    json_response,
    query_error,
    s3_error,
    xml_response,
)
from pypedream_dagster.local_aws.endpoint import RootKey
from pypedream_dagster.local_aws.glue.api import GlueApi
from pypedream_dagster.local_aws.glue.errors import GlueError
from pypedream_dagster.local_aws.glue.tags import TagStore, glue_arn
from pypedream_dagster.local_aws.moto_applications import MotoApplications
from pypedream_dagster.local_aws.s3 import lifecycle
from pypedream_dagster.local_aws.s3.listing import listing_xml, page_of, parse_list_request
from pypedream_dagster.local_aws.s3.multi_delete import multi_delete
from pypedream_dagster.local_aws.s3.version_listing import (
    asks_for_uploads,
    asks_for_versions,
    uploads_xml,
    versions_xml,
)
from pypedream_dagster.local_aws.snapshots import Snapshots

_log = logging.getLogger(__name__)

HEALTH_PATH = "/_pypedream/health"
_LOCAL_HOSTS = ("127.0.0.1", "localhost")
_QUERY_SERVICES = ("iam", "sts")
_OBJECT_LOCKS = 64  # shared among all objects: more would only cost memory
_READING_VERBS = ("Get", "List", "Describe", "BatchGet", "Head", "Filter", "Search", "Check", "Test")


class Front:
    """Answers every request.

    Args:
        moto: its WSGI applications.
        glue: answers for jobs, runs and tags.
        tags: takes the tags of a database that is created.
        snapshots: is told of every change to moto's state.
        root: the unrestricted key.
    """

    def __init__(
        self, moto: MotoApplications, glue: GlueApi, tags: TagStore, snapshots: Snapshots, root: RootKey
    ) -> None:
        self._moto = moto
        self._glue = glue
        self._tags = tags
        self._snapshots = snapshots
        self._root = root
        self._object_locks = tuple(threading.Lock() for _ in range(_OBJECT_LOCKS))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one WSGI call."""
        request = read_request(environ)
        if request.path == HEALTH_PATH:
            return json_response({"pid": os.getpid()}).send(start_response)
        return self._answer(request).send(start_response)

    def _answer(self, request: AwsRequest) -> Response:
        # A web page that resolves its own name to the loopback is turned away here.
        if str(request.environ.get("HTTP_HOST", "")).rsplit(":", 1)[0] not in _LOCAL_HOSTS:
            return _denied(request, "InvalidRequest", "This endpoint answers path-style requests to 127.0.0.1 only.")
        if request.path.startswith("/moto-api"):
            return _denied(request, "AccessDenied", "moto's own API is closed.")
        if request.credential is None:
            return _denied(request, "AccessDenied", "Access Denied")
        principal = principal_of(request.credential.access_key_id, self._root, request.session_token)
        if principal is None:
            return _unknown_key(request)
        if request.service == "s3":
            return self._answer_s3(request, principal)
        operation, parameters = request.operation_and_parameters()
        request.pin_operation(operation, parameters)
        if request.service == "glue":
            refusal = _refusal(principal, glue_permissions(operation, parameters, self._tags.of_any))
        else:
            refusal = _refusal(principal, other_permissions(request.service, operation, parameters))
        if refusal is None and request.service == "sts":
            refusal = sts_refusal(principal, operation, parameters)
        if refusal is not None:
            return _denied(request, "AccessDenied", refusal)
        if request.service == "glue" and self._glue.answers(operation):
            return self._answer_glue(operation, parameters)
        if request.service == "iam":
            moto_backends.know_aws_policy(str(parameters.get("PolicyArn", "")))
        response = self._call_moto(request, changes=not operation.startswith(_READING_VERBS))
        if request.service == "glue" and response.is_success:
            self._follow_database(operation, parameters)
        return response

    def _answer_s3(self, request: AwsRequest, principal: Principal) -> Response:
        bucket, key = request.bucket_and_key()
        if key and not bucket:
            return s3_error("InvalidURI", "Couldn't parse the specified URI.", status=HTTPStatus.BAD_REQUEST)
        request.pin_path()
        if request.method == "POST" and not key and "delete" in request.query:
            return multi_delete(request, bucket, principal, lambda: self._call_moto(request, changes=True))
        needed = s3_permissions(
            request.method, bucket, key, request.query, request.copy_source(), request.object_tags()
        )
        refusal = _refusal(principal, needed)
        if refusal is not None:
            return _denied(request, "AccessDenied", refusal)
        upload = request.query.get("uploadId")
        if upload is not None and moto_backends.key_of_upload(bucket, upload) != key:
            message = "The specified upload does not exist. The upload ID may be invalid."
            return s3_error("NoSuchUpload", message, status=HTTPStatus.NOT_FOUND)
        if bucket and not key and "lifecycle" in request.query:
            return self._answer_lifecycle(request, bucket)
        if request.method == "GET" and bucket and not key:
            listing = _list_objects(request, bucket)
            if listing is not None:
                return listing
        if request.method in ("GET", "HEAD"):
            response = self._call_moto(request, changes=False)
            if key and response.status.startswith("404") and moto_backends.bucket_exists(bucket):
                # Who may not list a bucket is not told which objects are missing.
                refusal = _refusal(principal, [list_permission(bucket)])
                if refusal is not None:
                    return _denied(request, "AccessDenied", refusal)
            return response
        # moto looks at If-Match and If-None-Match and writes then: nobody else may write in between.
        with self._object_locks[hash((bucket, key)) % _OBJECT_LOCKS]:
            return self._call_moto(request, changes=True)

    def _answer_lifecycle(self, request: AwsRequest, bucket: str) -> Response:
        found = moto_backends.bucket_named(bucket)
        if request.method == "GET" and found is not None and (kept := lifecycle.kept(found)) is not None:
            return kept
        body = request.read_body()
        if request.method == "PUT" and (refusal := lifecycle.refusal(request.path, body)) is not None:
            return refusal
        response = self._call_moto(request, changes=request.method != "GET")
        if response.is_success and request.method != "GET":
            with self._snapshots.change("s3"):
                lifecycle.forget(found)
                if request.method == "PUT":
                    lifecycle.keep(found, body, request.header(lifecycle.SMALLEST_MOVED))
        return response

    def _answer_glue(self, operation: str, parameters: dict[str, object]) -> Response:
        try:
            return json_response(self._glue.call(operation, parameters))
        except GlueError as error:
            return json_error(error.code, error.message)

    def _follow_database(self, operation: str, parameters: dict[str, object]) -> None:
        """Keeps the tags of databases, which moto's catalog takes but does not answer for."""
        if operation == "CreateDatabase" and isinstance(tags := parameters.get("Tags"), dict):
            described = parameters["DatabaseInput"]
            assert isinstance(described, dict)
            self._tags.add(glue_arn("database", described["Name"]), tags)
        if operation == "DeleteDatabase":
            self._tags.forget(glue_arn("database", str(parameters["Name"])))

    def _call_moto(self, request: AwsRequest, *, changes: bool) -> Response:
        seen: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: object = None, /
        ) -> Callable[[bytes], object]:
            del exc_info
            seen.append((status, headers))
            return lambda _data: None

        if changes:
            with self._snapshots.change(request.service):
                body = self._moto.call(request.service, request.environ, start_response)
        else:
            body = self._moto.call(request.service, request.environ, start_response)
        status, headers = seen[-1]
        return Response(status, tuple(headers), body)


def _list_objects(request: AwsRequest, bucket: str) -> Response | None:
    """A listing of objects, versions or uploads; None where moto is to answer, with an error or something else."""
    if asks_for_versions(request.query):
        versions = moto_backends.versions_in(bucket)
        return None if versions is None else xml_response(versions_xml(bucket, request.query, versions))
    if asks_for_uploads(request.query):
        uploads = moto_backends.uploads_in(bucket)
        return None if uploads is None else xml_response(uploads_xml(bucket, request.query, uploads))
    asked = parse_list_request(request.query)
    objects = None if asked is None else moto_backends.objects_in(bucket)
    if asked is None or objects is None:
        return None
    return xml_response(listing_xml(bucket, asked, page_of(asked, objects)))


def _refusal(principal: Principal, needed: list[Permission]) -> str | None:
    refusals = (principal.refusal(one.action, one.resource, one.context) for one in needed)
    refusal = next((one for one in refusals if one is not None), None)
    if refusal is not None:
        _log.info("denied: %s", refusal)
    return refusal


def _denied(request: AwsRequest, code: str, message: str) -> Response:
    request.read_body()
    if request.service == "s3":
        head = request.method == "HEAD"
        return s3_error(code, message, status=HTTPStatus.FORBIDDEN, resource=request.path, head=head)
    if request.service in _QUERY_SERVICES or request.is_form:
        return query_error(code, message)
    return json_error("AccessDeniedException" if code == "AccessDenied" else code, message)


def _unknown_key(request: AwsRequest) -> Response:
    if request.service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return _denied(request, "InvalidAccessKeyId", message)
    message = "The security token included in the request is invalid."
    if request.service in _QUERY_SERVICES:
        return _denied(request, "InvalidClientTokenId", message)
    return _denied(request, "UnrecognizedClientException", message)
