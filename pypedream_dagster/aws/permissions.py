"""Which AWS calls the code makes, and the IAM permissions that each needs: the one place that says so.

A new call is one more line in `CALLS`; tests fail for a call of ours that is not declared, for a declared one that is
made nowhere, and for a permission without which the commands work all the same. What a job's script does is no
matter of these: it runs in the job's role.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html (and ``list_amazons3.html``)
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import Literal, get_args

Audience = Literal["developer", "ci", "reader", "gc"]
AUDIENCES: tuple[Audience, ...] = get_args(Audience)


class Target(Enum):
    """What a call is about; each is one statement of a policy, its value the statement's Sid."""

    ACCOUNT = "Account"
    BUCKETS = "Buckets"
    MAIN_OBJECTS = "MainObjects"
    BRANCH_OBJECTS = "BranchObjects"
    LEASES = "BranchLeases"
    MAIN_JOBS = "MainJobs"
    BRANCH_JOBS = "BranchJobs"
    NEW_JOBS = "TaggedOnCreation"
    OWN_JOBS = "TaggedAlready"
    CATALOG = "BranchCatalog"
    DATABASES = "AllDatabases"
    TABLES = "AllTables"
    CONNECTIONS = "Connections"
    ROLES = "JobRoles"


@dataclass(frozen=True, slots=True)
class Call:
    """One permission that one call needs; a call that needs several has several lines.

    Attributes:
        operation: boto3's name of the service and the API's operation: ``s3:ListObjectsV2``.
        action: the permission: ``s3:ListBucket``.
        targets: on what.
        commands: of ``pypedream``, those that make it; none for what only scripts use.
        why: what for, as a reader of docs/permissions.md wants to know it.
    """

    operation: str
    action: str
    targets: tuple[Target, ...]
    commands: tuple[str, ...]
    why: str


_COMMANDS: dict[Audience, tuple[str, ...]] = {
    "reader": ("branches", "plan", "deltas", "expectations", "compare", "import-dag"),
    "ci": ("create-branch", "plan", "deploy-branch", "trigger-branch", "deltas", "destroy-branch"),
    "gc": ("destroy-branch", "gc", "doctor"),
}
_COMMANDS["developer"] = tuple(
    dict.fromkeys([*_COMMANDS["ci"], "rebase", "extend", "branches --remote", "doctor", *_COMMANDS["reader"]])
)
"""A reader's deltas are those that this machine computes: a comparison on Spark deploys a job."""

_ALL = ("deploy-branch", "trigger-branch", "destroy-branch", "deltas --engine spark")
_DEPLOY = ("deploy-branch", "deltas --engine spark")
_RUN = ("trigger-branch", "deltas --engine spark")
_STOP = ("trigger-branch", "destroy-branch")
_DELETE = ("destroy-branch", "deploy-branch")
_COMPARE = ("trigger-branch", "deltas", "expectations", "compare")
_MAIN = ("create-branch", "plan", "rebase", "branches --remote", "deltas", "trigger-branch")
_SEED = ("deploy-branch", "trigger-branch")
_HAZARDS = ("plan", "deploy-branch")
_IMPORT = ("import-dag",)
_SEARCH = ("destroy-branch", "branches --remote", "doctor", "gc")

_MAIN_DATA, _BRANCH_DATA, _BUCKETS = (Target.MAIN_OBJECTS,), (Target.BRANCH_OBJECTS,), (Target.BUCKETS,)
_LEASES = (Target.LEASES,)
_MAIN_JOBS, _BRANCH_JOBS, _JOBS = (Target.MAIN_JOBS,), (Target.BRANCH_JOBS,), (Target.MAIN_JOBS, Target.BRANCH_JOBS)
_NEW, _OWN, _CATALOG, _ROLES = (Target.NEW_JOBS,), (Target.OWN_JOBS,), (Target.CATALOG,), (Target.ROLES,)
_ACCOUNT = (Target.ACCOUNT,)

CALLS: tuple[Call, ...] = (
    Call("sts:GetCallerIdentity", "", (), _ALL, "whose account it is; IAM allows it to everybody"),
    Call(
        "s3:GetObject",
        "s3:GetObject",
        _MAIN_DATA,
        (*_MAIN, *_IMPORT, *_DEPLOY, *_COMPARE),
        "main's scripts, main's data",
    ),
    Call("s3:GetObject", "s3:GetObject", _BRANCH_DATA, (*_COMPARE, *_ALL), "the branch's data and script"),
    Call("s3:HeadObject", "s3:GetObject", _BRANCH_DATA, (), "whether an object is there"),
    Call("s3:ListObjectsV2", "s3:ListBucket", _BUCKETS, _COMPARE, "the files of a dataset; main's before and after"),
    Call("s3:GetObject", "s3:ListBucket", _BUCKETS, (*_COMPARE, *_ALL), "to be told of a missing object that it is"),
    Call("s3:ListObjectVersions", "s3:ListBucketVersions", _BUCKETS, _ALL, "whether a prefix is free; what to delete"),
    Call(
        "s3:ListMultipartUploads", "s3:ListBucketMultipartUploads", _BUCKETS, _ALL, "unfinished uploads below a prefix"
    ),
    Call("s3:PutObject", "s3:PutObject", _BRANCH_DATA, _DEPLOY, "the script, the claim on each prefix, the lease"),
    Call("s3:PutObject", "s3:PutObjectTagging", _BRANCH_DATA, _DEPLOY, "their tags, which say whose they are"),
    Call("s3:PutObject", "s3:PutObject", _LEASES, ("destroy-branch", "gc"), "the lease while a branch is removed"),
    Call("s3:PutObject", "s3:PutObjectTagging", _LEASES, ("destroy-branch", "gc"), "its tags"),
    Call("s3:PutObjectTagging", "s3:PutObjectTagging", _BRANCH_DATA, ("extend",), "another expiry on what is there"),
    Call("s3:CopyObject", "s3:GetObject", _MAIN_DATA, _SEED, "a copy of main's data to begin with"),
    Call("s3:CopyObject", "s3:PutObject", _BRANCH_DATA, _SEED, "a copy of main's data to begin with"),
    Call("s3:HeadObject", "s3:GetObject", _MAIN_DATA, _SEED, "the size and headers of a large object to copy"),
    Call("s3:CreateMultipartUpload", "s3:PutObject", _BRANCH_DATA, _SEED, "a large object, copied in parts"),
    Call("s3:UploadPartCopy", "s3:GetObject", _MAIN_DATA, _SEED, "a large object, copied in parts"),
    Call("s3:UploadPartCopy", "s3:PutObject", _BRANCH_DATA, _SEED, "a large object, copied in parts"),
    Call("s3:CompleteMultipartUpload", "s3:PutObject", _BRANCH_DATA, _SEED, "a large object, copied in parts"),
    Call("s3:DeleteObject", "s3:DeleteObject", _BRANCH_DATA, _ALL, "the lease when the command ends"),
    Call("s3:DeleteObject", "s3:DeleteObjectVersion", _BRANCH_DATA, _ALL, "its older versions"),
    Call("s3:GetObjectTagging", "s3:GetObjectTagging", _BRANCH_DATA, _ALL, "whose script or prefix it is"),
    Call("s3:DeleteObjects", "s3:DeleteObject", _BRANCH_DATA, _DELETE, "data, script and claim"),
    Call("s3:DeleteObjects", "s3:DeleteObjectVersion", _BRANCH_DATA, _DELETE, "their older versions"),
    Call("s3:AbortMultipartUpload", "s3:AbortMultipartUpload", _BRANCH_DATA, _DELETE, "unfinished uploads"),
    Call("s3:GetBucketVersioning", "s3:GetBucketVersioning", _BUCKETS, (), "whether versions go only with an MFA code"),
    Call("s3:GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration", _BUCKETS, (), "for 'lifecycle'"),
    Call("s3:PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration", _BUCKETS, (), "for 'lifecycle'"),
    Call("s3:DeleteBucketLifecycle", "s3:PutLifecycleConfiguration", _BUCKETS, (), "for 'lifecycle'"),
    Call("s3:CreateBucket", "s3:CreateBucket", _BUCKETS, (), "a bucket for a demo"),
    Call("glue:GetJob", "glue:GetJob", _MAIN_JOBS, (*_MAIN, *_IMPORT, *_DEPLOY), "main's jobs as they are deployed"),
    Call("glue:GetJob", "glue:GetJob", _BRANCH_JOBS, _ALL, "whether the clone is there, and as it shall be"),
    Call("glue:GetJobs", "glue:GetJobs", _ACCOUNT, _IMPORT, "all jobs, for those that match the query"),
    Call("glue:ListJobs", "glue:ListJobs", _ACCOUNT, (*_SEARCH, *_IMPORT), "the jobs that carry some tags"),
    Call("glue:GetDatabases", "glue:GetDatabases", (Target.DATABASES,), _SEARCH, "the branches' databases, by name"),
    Call("glue:GetTriggers", "glue:GetTriggers", _ACCOUNT, (*_HAZARDS, *_IMPORT), "what sets off what"),
    Call(
        "glue:GetConnection",
        "glue:GetConnection",
        (Target.CONNECTIONS,),
        (*_HAZARDS, *_IMPORT),
        "what a job is connected to",
    ),
    Call("glue:ListWorkflows", "glue:ListWorkflows", _ACCOUNT, _IMPORT, "all workflows, for those that match"),
    Call("glue:GetWorkflow", "glue:GetWorkflow", _ACCOUNT, _IMPORT, "a workflow's triggers and run properties"),
    Call("glue:GetCrawlers", "glue:GetCrawlers", _ACCOUNT, _IMPORT, "which tables are made of what lies where"),
    Call("glue:GetJobRuns", "glue:GetJobRuns", _MAIN_JOBS, ("plan",), "past runs, to tell what a branch will take"),
    Call("glue:GetJobRuns", "glue:GetJobRuns", _JOBS, (*_RUN, "destroy-branch"), "the branch's runs under way"),
    Call("glue:GetJobRun", "glue:GetJobRun", _JOBS, (*_RUN, "destroy-branch"), "how a run stands"),
    Call("glue:StartJobRun", "glue:StartJobRun", _JOBS, _RUN, "to run, narrowed by a session policy"),
    Call("glue:BatchStopJobRun", "glue:BatchStopJobRun", _JOBS, _STOP, "to stop the branch's runs"),
    Call("glue:GetTags", "glue:GetTags", _BRANCH_JOBS, (*_ALL, *_IMPORT), "whose job it is"),
    Call("glue:CreateJob", "glue:CreateJob", _NEW, _DEPLOY, "the clone"),
    Call("glue:CreateJob", "glue:TagResource", _NEW, _DEPLOY, "its tags"),
    Call("glue:CreateJob", "iam:PassRole", _ROLES, _DEPLOY, "for the clone, which runs in the role of main's job"),
    Call("glue:UpdateJob", "glue:UpdateJob", _OWN, _DEPLOY, "the clone, after main's job was changed"),
    Call("glue:UpdateJob", "iam:PassRole", _ROLES, _DEPLOY, "for the clone, which runs in the role of main's job"),
    Call("glue:TagResource", "glue:TagResource", _NEW, _DEPLOY, "tags that have changed, such as the expiry"),
    Call("glue:DeleteJob", "glue:DeleteJob", _OWN, _DELETE, "the clone"),
    Call("glue:GetDatabase", "glue:GetDatabase", _CATALOG, _ALL, "whether the branch's database is there"),
    Call("glue:CreateDatabase", "glue:CreateDatabase", _CATALOG, ("deploy-branch",), "a database for the branch"),
    Call("glue:CreateDatabase", "glue:TagResource", _CATALOG, ("deploy-branch",), "its tags"),
    Call("glue:TagResource", "glue:TagResource", _CATALOG, ("deploy-branch",), "tags that have changed"),
    Call("glue:GetTags", "glue:GetTags", _CATALOG, _ALL, "whose database it is"),
    Call("glue:DeleteDatabase", "glue:DeleteDatabase", _CATALOG, _DELETE, "the database"),
    Call("glue:GetTables", "glue:GetTables", _CATALOG, _DELETE, "the tables to delete before it"),
    Call("glue:DeleteTable", "glue:DeleteTable", _CATALOG, ("trigger-branch", *_DELETE), "a table, or to replace it"),
    Call("glue:GetTable", "glue:GetTable", _CATALOG, ("trigger-branch",), "whether the table is there"),
    Call(
        "glue:GetTable",
        "glue:GetTable",
        (Target.TABLES,),
        (*_IMPORT, "trigger-branch"),
        "where a table lies that a job reads or writes, and what main's partition columns are",
    ),
    Call("glue:CreateTable", "glue:CreateTable", _CATALOG, ("trigger-branch",), "what the branch wrote, as a table"),
    Call(
        "glue:BatchCreatePartition",
        "glue:BatchCreatePartition",
        _CATALOG,
        ("trigger-branch",),
        "the table's partitions",
    ),
    Call(
        "stepfunctions:ListStateMachines",
        "states:ListStateMachines",
        _ACCOUNT,
        ("import-dag",),
        "all state machines, for those that match the query",
    ),
    Call(
        "stepfunctions:DescribeStateMachine",
        "states:DescribeStateMachine",
        _ACCOUNT,
        ("import-dag",),
        "their definitions, and those of the state machines that they start",
    ),
    Call("stepfunctions:ListExecutions", "states:ListExecutions", _ACCOUNT, ("import-dag",), "their last executions"),
    Call(
        "stepfunctions:GetExecutionHistory",
        "states:GetExecutionHistory",
        _ACCOUNT,
        ("import-dag",),
        "arguments of jobs that only a run tells",
    ),
    Call("glue:GetPartitions", "glue:GetPartitions", _CATALOG, (), "a table's partitions"),
)


def commands_of(audience: Audience) -> tuple[str, ...]:
    """Return the commands that an audience may give."""
    spark = ("deltas --engine spark",) if "deploy-branch" in _COMMANDS[audience] else ()
    return (*_COMMANDS[audience], *spark)


def calls_of(audience: Audience) -> Iterator[Call]:
    """Give the permissions that an audience's commands need; none on leases alone that it has on more."""
    commands = frozenset(commands_of(audience))
    calls = [call for call in CALLS if call.action and commands & frozenset(call.commands)]
    wider = {call.action for call in calls if Target.BRANCH_OBJECTS in call.targets}
    return (call for call in calls if call.targets != _LEASES or call.action not in wider)


def undeclared(operations: AbstractSet[str]) -> set[str]:
    """Return those of some operations that are declared nowhere here."""
    return set(operations) - {call.operation for call in CALLS}


def actions_for(operation: str) -> tuple[str, ...]:
    """Return the permissions that an operation of ours needs, its own name where it is not declared."""
    found = (call.action for call in CALLS if call.operation == operation and call.action)
    return tuple(dict.fromkeys(found)) or (operation,)


def denied_hint(action: str, target: str) -> str:
    """Return what to do about a refusal: which permission is missing on what, and where to have it from."""
    return f"the credentials in use need {action} on {target}; 'pypedream policy' prints all that is needed"
