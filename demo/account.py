"""What an account holds, to the byte: how the demo proves that a branch left nothing behind."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
from infrastructure import BUCKET, require_loopback

BRANCH_TAG = "pypedream:branch"


@dataclass(frozen=True, slots=True)
class Account:
    """All that could have been touched, by name; every value is a digest or the whole definition as JSON.

    Attributes:
        objects: ``"<bytes> <sha256>"`` by key, for every object of the lake.
        jobs: every Glue job with its tags.
        catalog: every database and table.
        tagged: ARNs of jobs that carry a branch's tag.
    """

    objects: Mapping[str, str]
    jobs: Mapping[str, str]
    catalog: Mapping[str, str]
    tagged: tuple[str, ...]

    @property
    def object_bytes(self) -> int:
        """The size of all objects together."""
        return sum(int(value.partition(" ")[0]) for value in self.objects.values())

    def differences(self, other: Account) -> list[str]:
        """Return in words what is different in ``other``; empty when all of it is the same."""
        return [
            *_differences("object", self.objects, other.objects),
            *_differences("Glue job", self.jobs, other.jobs),
            *_differences("catalog entry", self.catalog, other.catalog),
            *(f"{arn} still carries the tag {BRANCH_TAG}" for arn in other.tagged if arn not in self.tagged),
        ]


def _differences(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{kind} {name} is gone" for name in sorted(before.keys() - after.keys()))
    yield from (f"{kind} {name} is left over" for name in sorted(after.keys() - before.keys()))
    yield from (
        f"{kind} {name} was changed" for name in sorted(before.keys() & after.keys()) if before[name] != after[name]
    )


def take_snapshot() -> Account:
    """Read the whole account that boto3's environment points at."""
    tags = dict(_tags())
    return Account(
        objects=dict(_objects()),
        jobs={
            job["Name"]: _as_text({**job, "Tags": tags[job["Name"]]})
            for page in boto3.client("glue").get_paginator("get_jobs").paginate()
            for job in page["Jobs"]
        },
        catalog=dict(_catalog()),
        tagged=tuple(sorted(name for name, found in tags.items() if BRANCH_TAG in found)),
    )


def _objects() -> Iterator[tuple[str, str]]:
    s3 = boto3.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for item in page.get("Contents", []):
            body = s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"]
            yield item["Key"], f"{item['Size']} {hashlib.sha256(body.read()).hexdigest()}"


def _tags() -> Iterator[tuple[str, Mapping[str, str]]]:
    glue = boto3.client("glue")
    account = boto3.client("sts").get_caller_identity()["Account"]
    for page in glue.get_paginator("get_jobs").paginate():
        for job in page["Jobs"]:
            arn = f"arn:aws:glue:{glue.meta.region_name}:{account}:job/{job['Name']}"
            yield job["Name"], glue.get_tags(ResourceArn=arn)["Tags"]


def _catalog() -> Iterator[tuple[str, str]]:
    glue = boto3.client("glue")
    for databases in glue.get_paginator("get_databases").paginate():
        for database in databases["DatabaseList"]:
            yield database["Name"], _as_text(database)
            for tables in glue.get_paginator("get_tables").paginate(DatabaseName=database["Name"]):
                for table in tables["TableList"]:
                    yield f"{database['Name']}.{table['Name']}", _as_text(table)


def _as_text(definition: Mapping[str, Any]) -> str:
    return json.dumps(definition, sort_keys=True, default=str)


def main(arguments: list[str]) -> int:
    """Write a snapshot to a file: ``account.py take FILE``; or compare with it: ``account.py compare FILE``."""
    require_loopback(os.environ)
    match arguments:
        case ["take", path]:
            taken = take_snapshot()
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(json.dumps(asdict(taken), indent=1), encoding="utf-8")
            print(f"  Noted {_contents(taken)}.")
            return 0
        case ["compare", path]:
            return _compare(Path(path))
        case _:
            print(f"usage: account.py take|compare FILE, not {arguments}", file=sys.stderr)
            return 2


def _compare(path: Path) -> int:
    if not path.exists():
        print(f"There is no snapshot {path} to compare with: take one first.", file=sys.stderr)
        return 2
    noted = json.loads(path.read_text(encoding="utf-8"))
    before, after = Account(**{**noted, "tagged": tuple(noted["tagged"])}), take_snapshot()
    differences = before.differences(after)
    for difference in differences:
        print(f"  ✗ {difference}")
    if differences:
        return 1
    print(f"  ✓ {_contents(after)}: each byte for byte what it was before the branch.")
    print("  ✓ No object, Glue job, database, table or tag of the branch is left.")
    return 0


def _contents(account: Account) -> str:
    tables = sum("." in name for name in account.catalog)
    return (
        f"{len(account.objects)} objects ({account.object_bytes / 1e6:.1f} MB), {len(account.jobs)} Glue jobs, "
        f"{len(account.catalog) - tables} catalog database(s) with {tables} table(s)"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
