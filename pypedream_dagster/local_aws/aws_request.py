"""One HTTP request to the embedded AWS, read as far as routing and authorization need it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode
from wsgiref.types import WSGIEnvironment

from pypedream_dagster.local_aws.access.identity import Credential, credential_of

_FORM, _JSON = "application/x-www-form-urlencoded", "application/x-amz-json-1.1"
# moto takes a header for a parameter where a request has no query, and a form's fields before all else.
_PARAMETERS_AS_HEADERS = ("HTTP_ACTION", "HTTP_UPLOADID", "HTTP_PARTNUMBER", "HTTP_VERSIONID", "HTTP_KEY")


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """A request; the body is read only where a method asks for it, and then stays readable for moto."""

    environ: WSGIEnvironment
    query: dict[str, str]
    credential: Credential | None

    @property
    def method(self) -> str:
        """The HTTP method."""
        return str(self.environ["REQUEST_METHOD"])

    @property
    def path(self) -> str:
        """The decoded path."""
        # WSGI hands the decoded bytes over as Latin-1.
        return str(self.environ.get("PATH_INFO", "/")).encode("latin-1").decode("utf-8", "replace")

    @property
    def service(self) -> str:
        """The signing name of the service; where the request does not say, STS for a form and else S3."""
        if self.credential is None:
            return "sts" if self.is_form else "s3"
        return self.credential.service

    @property
    def is_form(self) -> bool:
        """Whether the body is a form, as in the query protocol."""
        return str(self.environ.get("CONTENT_TYPE", "")).startswith(_FORM)

    @property
    def session_token(self) -> str | None:
        """The token of a session, or None."""
        return self.environ.get("HTTP_X_AMZ_SECURITY_TOKEN") or self.query.get("X-Amz-Security-Token")

    def header(self, name: str) -> str | None:
        """A request header, or None."""
        value = self.environ.get("HTTP_" + name.upper().replace("-", "_"))
        return None if value is None else str(value)

    def bucket_and_key(self) -> tuple[str, str]:
        """Bucket and key of a path-style S3 request; either may be empty."""
        bucket, _, key = self.path.removeprefix("/").partition("/")
        return bucket, key

    def copy_source(self) -> tuple[str, str] | None:
        """Bucket and key that a copy reads, or None where the request is no copy."""
        source = self.header("x-amz-copy-source")
        if source is None:
            return None
        bucket, _, key = unquote(source).removeprefix("/").partition("/")
        return bucket, key.rsplit("?versionId=", 1)[0]

    def object_tags(self) -> dict[str, str]:
        """The tags that a request gives an object which it writes."""
        return dict(parse_qsl(self.header("x-amz-tagging") or "", keep_blank_values=True))

    def read_body(self) -> bytes:
        """The whole body, put back for whoever reads next."""
        length = int(self.environ.get("CONTENT_LENGTH") or 0)
        body: bytes = self.environ["wsgi.input"].read(length) if length else b""
        self.replace_body(body)
        return body

    def replace_body(self, body: bytes) -> None:
        """Makes ``body`` the body that moto reads."""
        self.environ["wsgi.input"] = io.BytesIO(body)
        self.environ["CONTENT_LENGTH"] = str(len(body))

    def pin_path(self) -> None:
        """Makes moto see the path and, but for the query, the parameters that are authorized, and no others."""
        self.environ["RAW_URI"] = quote(self.path, safe="/~")
        if self.is_form and self.method != "POST":
            self.environ["CONTENT_TYPE"] = "binary/octet-stream"
        for name in _PARAMETERS_AS_HEADERS:
            self.environ.pop(name, None)

    def pin_operation(self, operation: str, parameters: dict[str, Any]) -> None:
        """Makes moto see the operation that is authorized, whatever else the request may be read as."""
        self.pin_path()
        if self.header("x-amz-target") is not None:
            self.environ["CONTENT_TYPE"] = _JSON
            self.environ["QUERY_STRING"] = urlencode({"Action": operation})
        elif operation:
            self.environ.update(CONTENT_TYPE=_FORM, QUERY_STRING="", REQUEST_METHOD="POST")
            self.replace_body(urlencode({"Action": operation, **parameters}).encode())

    def operation_and_parameters(self) -> tuple[str, dict[str, Any]]:
        """Operation and parameters of a call in the JSON or the query protocol."""
        target = self.header("x-amz-target")
        body = self.read_body()
        if target is not None:
            parsed = json.loads(body or b"{}")
            return target.rpartition(".")[2], parsed if isinstance(parsed, dict) else {}
        form = {**self.query, **dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))}
        return form.pop("Action", ""), form


def read_request(environ: WSGIEnvironment) -> AwsRequest:
    """Reads the request line and headers."""
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    return AwsRequest(environ, query, credential_of(environ.get("HTTP_AUTHORIZATION"), query))
