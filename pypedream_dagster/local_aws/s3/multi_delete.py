"""S3's DeleteObjects, authorized key by key as S3 does: denied keys are answered as errors, the others go."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from pypedream_dagster.local_aws.access.identity import Principal
from pypedream_dagster.local_aws.access.permissions import delete_permissions
from pypedream_dagster.local_aws.aws_request import AwsRequest
from pypedream_dagster.local_aws.aws_response import Response, s3_error, xml_response

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def multi_delete(request: AwsRequest, bucket: str, principal: Principal, delete: Callable[[], Response]) -> Response:
    """Answers a multi-delete.

    Args:
        request: whose body names the keys; denied ones are taken out of it.
        bucket: the bucket.
        principal: who asks.
        delete: deletes what the body names then.
    """
    try:
        document = ElementTree.fromstring(request.read_body())  # noqa: S314  (our own user's request)
    except ElementTree.ParseError:
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        return s3_error("MalformedXML", message, status=HTTPStatus.BAD_REQUEST, resource=request.path)
    denied: list[str] = []
    objects = [element for element in document if _local_name(element) == "Object"]
    for element in objects:
        key, version = _text(element, "Key") or "", _text(element, "VersionId")
        needed = delete_permissions(bucket, key, version)
        if any(principal.refusal(one.action, one.resource, one.context) for one in needed):
            document.remove(element)
            denied.append(key)
    if not denied:
        return delete()
    errors = "".join(
        f"<Error><Key>{escape(key)}</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        for key in denied
    )
    if len(denied) == len(objects):
        return xml_response(f'<DeleteResult xmlns="{_NAMESPACE}">{errors}</DeleteResult>')
    ElementTree.register_namespace("", _NAMESPACE)
    request.replace_body(ElementTree.tostring(document))
    return _with_errors(delete(), errors)


def _with_errors(response: Response, errors: str) -> Response:
    if not response.is_success:
        return response
    body = b"".join(response.body).replace(b"</DeleteResult>", f"{errors}</DeleteResult>".encode())
    headers = [pair for pair in response.headers if pair[0].lower() != "content-length"]
    return Response(response.status, (*headers, ("Content-Length", str(len(body)))), (body,))


def _local_name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: ElementTree.Element, name: str) -> str | None:
    return next((child.text for child in element if _local_name(child) == name), None)
