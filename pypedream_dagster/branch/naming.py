"""The only composer of names and URIs that a branch brings into the world."""

from __future__ import annotations

import hashlib
import re

from pypedream_dagster.errors import BranchError
from pypedream_dagster.graph.model import MAIN
from pypedream_dagster.graph.uri import BRANCH_PLACEHOLDER, join_uri

_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}\Z")
_RESERVED = {MAIN, "start", "stop"}

_BESIDE = re.compile(r"(.+[^/])_\$pypedream(?:_[^/]*)?\$\Z", re.DOTALL)

_CLONE = "Pypedream branch "
_DELTA = "_pypedream_delta"
_DATABASE = "pypedream_"

TAG_BRANCH = "pypedream:branch"
TAG_OWNER = "pypedream:owner"
TAG_EXPIRES = "pypedream:expires"
TAG_PROJECT = "pypedream:project"


def check_branch_name(name: str) -> None:
    """Refuse a name that a branch may not have.

    Raises:
        BranchError: says why.
    """
    if name.lower() in _RESERVED:
        raise BranchError(f"A branch may not be called {name!r}: it is reserved.", hint="choose another name")
    if not _NAME.match(name):
        raise BranchError(
            f"{name!r} is no branch name: 1 to 63 of a-z, 0-9, '_' and '-', starting with a letter or digit.",
            hint="choose another name",
        )


def slug(branch: str) -> str:
    """Return the branch's name where no '-' may stand: Dagster's groups and jobs, catalog databases."""
    return branch.replace("-", "_")


def dagster_job_name(branch: str) -> str:
    """Return the name of the Dagster job that runs a branch: ``branch__<slug>``, or ``main``."""
    return MAIN if branch == MAIN else f"branch__{slug(branch)}"


def database_prefix(branch: str | None = None) -> str:
    """Return what the names of a branch's catalog databases begin with; of all branches' where none is named."""
    return _DATABASE if branch is None else f"{_DATABASE}{slug(branch)}"


def catalog_table(branch: str, dataset: str, main_table: str | None) -> str:
    """Return ``database.table`` of a catalogued dataset on a branch: a database per branch and source database."""
    prefix = database_prefix(branch)
    if main_table is not None:
        database, _, table = main_table.partition(".")
        return f"{prefix}_{database}.{table}"
    # Hive and Athena know no capitals and few signs in a table's name.
    return f"{prefix}.{re.sub(r'[^a-z0-9_]', '_', dataset.lower())}"


def table_argument(argument: str) -> str:
    """Return the argument that names the table of a dataset whose place another one takes."""
    return f"{argument}_TABLE"


def databases_pattern(branch: str) -> str:
    """Return the pattern that all of a branch's databases have that stand for one of main's."""
    return f"pypedream_{slug(branch)}_*"


def branch_root(template: str, branch: str) -> str:
    """Return the shortest prefix of a URI template that is the branch's alone.

    ``s3://b/lake/{branch-name}/data/x/`` has ``s3://b/lake/test/`` for ``test``.
    """
    parent = template_parent(template)
    segment = template[len(parent) :].partition("/")[0]
    return f"{parent}{segment.replace(BRANCH_PLACEHOLDER, branch)}/"


def template_parent(template: str) -> str:
    """Return what of a URI template lies above the first segment that names the branch: ``s3://b/lake/``."""
    return template.partition(BRANCH_PLACEHOLDER)[0].rpartition("/")[0] + "/"


def folder_marker(root: str) -> str:
    """Return the key that Hadoop's file systems on EMR and Glue may write beside a folder to mark it."""
    return f"{root.rstrip('/')}_$folder$"


def clone_description(branch: str, production_job: str) -> str:
    """Return what a clone says of itself in Glue's console."""
    return f"{_CLONE}{branch} of {production_job}"


def is_clone_description(description: str) -> bool:
    """Tell whether a job says of itself that it is a clone; its tags have the last word."""
    return description.startswith(_CLONE)


def claim_uri(root: str) -> str:
    """Return the object beside a write prefix whose tags say which branch it belongs to.

    Beside, not below: a job that overwrites its output empties the prefix.
    """
    return f"{root.rstrip('/')}_$pypedream$"


def lease_uri(root: str) -> str:
    """Return the object beside a branch's first write prefix that says who is changing the branch just now."""
    return f"{root.rstrip('/')}_$pypedream_lease$"


def waiting_uri(root: str, job: str, run_key: str) -> str:
    """Return the object beside a branch's prefix that says that it waits for a Glue job that others run as well.

    Args:
        root: the write prefix that the job writes to on the branch.
        job: the Glue job.
        run_key: of the run that waits.
    """
    return f"{waiting_prefix(root)}{run_key[:16]}{waiting_suffix(job)}"


def waiting_prefix(root: str) -> str:
    """Return how all of :func:`waiting_uri` begin that lie beside a prefix."""
    return f"{root.rstrip('/')}_$pypedream_wait_"


def waiting_suffix(job: str) -> str:
    """Return how all of :func:`waiting_uri` end that are for one Glue job, whatever the branch."""
    return f"_{hashlib.sha256(job.encode()).hexdigest()[:16]}$"


def parent_uri(root: str) -> str:
    """Return what lies above a branch's prefix: where other branches have theirs."""
    return root.rstrip("/").rpartition("/")[0] + "/"


def root_beside(uri: str) -> str | None:
    """Return the write prefix beside which an object of ours lies (a claim, a lease); None for any other object."""
    match = _BESIDE.match(uri)
    return f"{match[1]}/" if match else None


def tag_value(text: str) -> str:
    """Return a text as a tag's value may be: https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html."""
    return re.sub(r"[^\w .:/=+@-]", "_", text)[:256]


def script_uri(template: str | None, root: str, branch: str, node: str, *, shared: bool = False) -> str:
    """Return where a clone's script lies: the job's template rendered, else ``scripts/`` below the branch's root.

    Args:
        template: the job's script location.
        root: a prefix of the branch's own.
        branch: its name.
        node: whose script it is.
        shared: whether other nodes' jobs have the same location: then it cannot be this node's alone.
    """
    if template is not None and BRANCH_PLACEHOLDER in template and not shared:
        return template.replace(BRANCH_PLACEHOLDER, branch)
    suffix = f".{template.rpartition('.')[2]}" if template and "." in template.rpartition("/")[2] else ".py"
    return join_uri(root, "scripts", f"{_segment(node)}{suffix}")


def _segment(node: str) -> str:
    """Return a node's id as one segment of a URI."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", node)


def temporary_uri(root: str, node: str) -> str:
    """Return the place of a node's own for Glue's ``--TempDir``."""
    return join_uri(root, "temporary", _segment(node)) + "/"


def delta_code_uri(root: str, file_name: str) -> str:
    """Return where a file of the code that compares on Spark lies; ``_`` hides its folder from readers of data."""
    return join_uri(root, _DELTA, file_name)


def delta_results_uri(root: str) -> str:
    """Return the prefix that runs of the comparison on Spark write to, and nothing else does."""
    return join_uri(root, _DELTA, "results") + "/"


def delta_job(origin_job: str) -> str:
    """Return the name of the Glue job that compares a branch's data on Spark, after the clone of its origin."""
    return f"{origin_job}-pypedream-delta"


def tags(branch: str, *, owner: str, expires: str, project: str) -> dict[str, str]:
    """Return the tags that everything made for a branch carries; nothing without them is ever deleted."""
    own = {TAG_OWNER: tag_value(owner), TAG_PROJECT: tag_value(project)}
    return {TAG_BRANCH: branch, TAG_EXPIRES: expires, **own}


def arn(pattern: str) -> str:
    """Return the ARN of the objects that a pattern of bucket and key stands for, in which only ``*`` is special.

    A key may hold what IAM takes for a policy variable (``${aws:username}``): IAM's escape keeps it plain.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars
    """
    return f"arn:aws:s3:::{pattern.replace('${', '${$}{')}"
