"""Lifecycle configurations, kept word for word: moto 5.2.5 keeps of a rule only the fields that it knows."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from xml.etree import ElementTree

from pypedream_dagster.local_aws.aws_response import Response, s3_error, xml_response

_ATTRIBUTE = "pypedream_lifecycle"
SMALLEST_MOVED = "x-amz-transition-default-minimum-object-size"
"""The header of a request and an answer that says which objects are too small to be moved."""

_DEFAULT = "all_storage_classes_128K"


def refusal(path: str, body: bytes) -> Response | None:
    """S3's answer to a configuration that mixes the old form of rules with the new one; None to any other."""
    try:
        rules = [one for one in ElementTree.fromstring(body) if _name(one) == "Rule"]  # noqa: S314  (our own user's)
    except ElementTree.ParseError:
        return None
    forms = [{_name(child) for child in rule} for rule in rules]
    if any("Prefix" in form for form in forms) and any("Filter" in form for form in forms):
        message = "Filter element can only be used in Lifecycle V2."
        return s3_error("InvalidRequest", message, status=HTTPStatus.BAD_REQUEST, resource=path)
    return None


def keep(bucket: Any, body: bytes, smallest_moved: str | None) -> None:
    """Keeps a configuration that moto has taken, with its bucket."""
    text = body.decode()
    xml = text.partition("?>")[2] if text.startswith("<?xml") else text
    setattr(bucket, _ATTRIBUTE, (xml, smallest_moved or _DEFAULT))


def forget(bucket: Any) -> None:
    """Forgets a bucket's configuration."""
    if hasattr(bucket, _ATTRIBUTE):
        delattr(bucket, _ATTRIBUTE)


def kept(bucket: Any) -> Response | None:
    """The configuration as it was put, or None."""
    found = getattr(bucket, _ATTRIBUTE, None)
    if found is None:
        return None
    body, smallest_moved = found
    answer = xml_response(body)
    return Response(answer.status, (*answer.headers, (SMALLEST_MOVED, smallest_moved)), answer.body)


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
