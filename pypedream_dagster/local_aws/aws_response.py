"""HTTP answers of the front: a response value, and errors in the form of each AWS protocol."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse
from xml.sax.saxutils import escape


@dataclass(frozen=True, slots=True)
class Response:
    """One answer: the status line, headers and body."""

    status: str
    headers: tuple[tuple[str, str], ...]
    body: Iterable[bytes]

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.status.startswith("2")

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Answers a WSGI call."""
        start_response(self.status, list(self.headers))
        return self.body


def json_response(answer: Any, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """An answer in the JSON 1.1 protocol."""
    return _response(status, "application/x-amz-json-1.1", json.dumps(answer).encode())


def json_error(code: str, message: str, *, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Response:
    """An error in the JSON 1.1 protocol."""
    # Services disagree on the case of the member; botocore reads either.
    answer = {"__type": code, "message": message, "Message": message}
    return _response(status, "application/x-amz-json-1.1", json.dumps(answer).encode(), ("x-amzn-ErrorType", code))


def xml_response(xml: str, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """An answer in XML."""
    return _response(status, "application/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}'.encode())


def s3_error(code: str, message: str, *, status: HTTPStatus, resource: str = "", head: bool = False) -> Response:
    """An error in S3's XML; a HEAD request gets no body."""
    xml = (
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>"
        f"<Resource>{escape(resource)}</Resource><RequestId>{uuid.uuid4()}</RequestId></Error>"
    )
    response = xml_response(xml, status=status)
    return Response(response.status, response.headers, ()) if head else response


def query_error(code: str, message: str, *, status: HTTPStatus = HTTPStatus.FORBIDDEN) -> Response:
    """An error in the query protocol, which IAM and STS speak."""
    return xml_response(
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>",
        status=status,
    )


def _response(status: HTTPStatus, content_type: str, body: bytes, *headers: tuple[str, str]) -> Response:
    return Response(
        f"{status.value} {status.phrase}",
        (
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            ("x-amzn-RequestId", str(uuid.uuid4())),
            *headers,
        ),
        (body,),
    )
