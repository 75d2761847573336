"""Pages of lists, as Glue's API gives them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from pypedream_dagster.local_aws.glue.errors import InvalidInputException

Item = TypeVar("Item")


def page_of(items: Sequence[Item], request: dict[str, Any], default: int) -> tuple[Sequence[Item], dict[str, Any]]:
    """One page, and the ``NextToken`` where there are more; the token is the offset."""
    token = request.get("NextToken") or "0"
    if not token.isdecimal() or int(token) > len(items):
        raise InvalidInputException(f"Invalid NextToken: {json.dumps(token)}")
    start = int(token)
    end = start + int(request.get("MaxResults") or default)
    return items[start:end], {"NextToken": str(end)} if end < len(items) else {}
