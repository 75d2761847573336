"""Finding what carries a branch's tags on AWS where no record lists it: reading only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.deploy.live import Tags, live_tags
from pypedream_dagster.deploy.resources import Kind
from pypedream_dagster.errors import AccessDeniedError, NotFoundError
from pypedream_dagster.graph.uri import find_uris, is_uri, plain_prefix


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that carries the tags that were asked for.

    Attributes:
        kind, identity: which one: a name or a URI.
        tags: all that it carries; a prefix's are those of its claim.
    """

    kind: Kind
    identity: str
    tags: Tags


def find_tagged(
    aws: Aws,
    wanted: Tags,
    *,
    places: Iterable[str] = (),
    takes_job: Callable[[GlueJob], bool] = lambda _: True,
    skips_denied: bool = False,
) -> tuple[Found, ...]:
    """Return the jobs, catalog databases and claimed prefixes that carry all of some tags.

    S3 cannot be searched by tags. So claims are looked for at the places given, around the URIs that the jobs found
    name, and at the prefixes that a claim found lists as its siblings.

    Args:
        aws: the clients.
        wanted: such as the tags of a branch, or its name alone.
        places: URIs of prefixes that may be claimed.
        takes_job: tells whose job it is where tags do not: another project may have the same names. One that is not
            taken leads to no prefix either.
        skips_denied: leave out what the credentials may not look at: others' branches, where all are listed.

    Raises:
        AccessDeniedError: something may not be looked at.
    """
    look = _Look(aws, wanted, skips_denied)
    jobs, near = [], list(places)
    for name in aws.glue.tagged_jobs(wanted):
        tags = look.tags("job", name)
        job = aws.glue.get_job(name) if tags is not None else None
        if tags is not None and job is not None and takes_job(job):
            jobs.append(Found("job", name, tags))
            near += _claimable(job, tags)
    return (*jobs, *_databases(look), *_prefixes(look, near))


@dataclass(frozen=True, slots=True)
class _Look:
    """What is looked for, and how."""

    aws: Aws
    wanted: Tags
    skips_denied: bool

    def tags(self, kind: Kind, identity: str) -> Tags | None:
        """Return a resource's tags if they are all that is wanted."""
        try:
            tags = live_tags(self.aws, kind, identity)
        except AccessDeniedError:
            if self.skips_denied:
                return None
            raise
        return tags if tags is not None and self.wanted.items() <= tags.items() else None


def _databases(look: _Look) -> Iterator[Found]:
    prefix = naming.database_prefix(look.wanted.get(naming.TAG_BRANCH))
    for name in list(look.aws.catalog.database_names(prefix)):
        tags = look.tags("database", name)
        if tags is not None:
            yield Found("database", name, tags)


def _prefixes(look: _Look, places: Iterable[str]) -> Iterator[Found]:
    waiting, seen = list(dict.fromkeys(places)), set[str]()
    while waiting:
        uri = waiting.pop(0)
        if uri in seen:
            continue
        seen.add(uri)
        tags = look.tags("prefix", uri)
        if tags is not None:
            yield Found("prefix", uri, tags)
            waiting += _siblings(look.aws, uri)


def _siblings(aws: Aws, uri: str) -> list[str]:
    """Return the prefixes of the same branch that a claim lists; claims of earlier versions list none."""
    try:
        claim = json.loads(aws.s3.read_bytes(naming.claim_uri(uri)))
        return [str(one) for one in claim["prefixes"] if is_uri(str(one))]
    except (NotFoundError, ValueError, KeyError, TypeError):
        return []


def _claimable(job: GlueJob, tags: Tags) -> Iterator[str]:
    """Give the folders above the URIs that a job names, as far as they could be its branch's."""
    branch = tags.get(naming.TAG_BRANCH, "")
    for text in (job.script_uri, *job.default_arguments.values(), *job.non_overridable_arguments.values()):
        for uri in find_uris(text):
            at = plain_prefix(uri)
            parts = at.key.split("/")[:-1] if at is not None else []
            for length in range(len(parts), 0, -1):
                if at is not None and branch in parts[length - 1]:
                    yield f"s3://{at.bucket}/{'/'.join(parts[:length])}/"
