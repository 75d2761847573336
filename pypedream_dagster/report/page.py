"""What all HTML reports have in common: one file that needs nothing else, where only its own script can run."""

from __future__ import annotations

import base64
import hashlib

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pypedream_dagster.report import wording


def page_environment() -> Environment:
    """Return the templates' environment: everything that is put in is escaped."""
    environment = Environment(
        loader=PackageLoader("pypedream_dagster.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = wording.visible
    return environment


def own_file(environment: Environment, name: str) -> Markup:
    """Return a style sheet or script of ours, to be put into a page as it stands: '>' is no '&gt;' there."""
    return Markup(environment.get_template(name).render())  # noqa: S704


def policy_hash(text: str) -> str:
    """Return what a Content-Security-Policy calls an inline text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
