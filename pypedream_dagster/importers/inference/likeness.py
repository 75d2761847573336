"""Which script may be a job's whose own is not found: told by the words of their names, where they leave one choice.

It is a guess, and said to be one: what the script tells is less sure, and a person is asked.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.parameters import PARAMETER

_READS_DATA = re.compile(r"^\s*(?:from|import)\s+(?:awsglue|pyspark|awswrangler|pandas|boto3)\b", re.MULTILINE)
_IS_OTHER = re.compile(
    r"^\s*(?:from|import)\s+(?:airflow|pytest|unittest|aws_cdk)\b|\bdef lambda_handler\b", re.MULTILINE
)
_SAYS_NOTHING = {
    "aws", "and", "daily", "data", "de", "dev", "env", "etl", "file", "glue", "glueetl", "in", "into", "job", "jobs",
    "main", "name", "of", "para", "pipeline", "process", "prod", "production", "py", "pyspark", "python", "run", "s3",
    "script", "shell", "spark", "stage", "staging", "task", "test", "the", "to", "v1", "v2", "var", "variable",
}  # fmt: skip
# What a job makes is the last of these in its name: bronze_to_silver makes silver, silver_to_gold does not.
_LAYERS = {
    "bronze", "curated", "gold", "landing", "raw", "refined", "silver", "transient", "trusted", "processed", "cleaned",
}  # fmt: skip
_SHORTEST_STEM = 5
_LIKENESS = 0.88
_MOST = 200


def is_likely(file: SourceFile) -> bool:
    """Tell whether a file may be a job's script: it works on data, and is no DAG, test or Lambda function."""
    if not file.path.endswith(".py") or posixpath.basename(file.path).startswith(("test_", "conftest", "__")):
        return False
    return bool(_READS_DATA.search(file.text)) and not _IS_OTHER.search(file.text)


def likely_scripts(jobs: Sequence[str], paths: Sequence[str]) -> Mapping[str, str]:
    """Return the script of each job for which there is one choice alone, that is no other job's choice.

    The words of the one's name must all be in the other's; those that all begin or end with tell nothing.

    Args:
        jobs: names of jobs, or of the scripts that they are said to have.
        paths: of files.
    """
    if not jobs or not paths or len(jobs) * len(paths) > _MOST * _MOST:
        return {}
    of_jobs = _telling({job: _words(job) for job in jobs})
    of_paths = _telling({path: _words(posixpath.basename(path).rpartition(".")[0]) for path in paths})
    shared = {(job, path): _shared(ours, its) for job, ours in of_jobs.items() for path, its in of_paths.items()}
    found: dict[str, str] = {}
    for job in of_jobs:
        path = _best({path: shared[job, path] for path in of_paths})
        if path is not None and _best({other: shared[other, path] for other in of_jobs}) == job:
            found[job] = path
    return found


def _best(shared: Mapping[str, int]) -> str | None:
    most = max(shared.values(), default=0)
    best = [name for name, number in shared.items() if number == most]
    return best[0] if most and len(best) == 1 else None


def _words(name: str) -> list[str]:
    bare = PARAMETER.sub(" ", name)
    text = bare if re.search(r"[A-Za-z]{3}", bare) else " ".join(PARAMETER.findall(name))
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text).lower()
    return [word for word in re.split(r"[^a-z0-9]+", spaced) if word and word not in _SAYS_NOTHING]


def _telling(names: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Leave out what all names begin and end with."""
    words = list(names.values())
    if len(words) < 2:
        return dict(names)
    first = posixpath.commonprefix(words)
    last = posixpath.commonprefix([its[len(first) :][::-1] for its in words])
    return {name: its[len(first) : len(its) - len(last)] for name, its in names.items()}


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many words two names share; none where each has some that the other has not."""
    made = [next((word for word in reversed(words) if word in _LAYERS), None) for words in (one, other)]
    if None not in made and made[0] != made[1]:
        return 0
    few, many = sorted((one, other), key=len)
    return len(few) if few and all(any(_alike(word, its) for its in many) for word in few) else 0


@lru_cache(maxsize=65536)
def _alike(one: str, other: str) -> bool:
    if one == other or one[0] != other[0]:
        return one == other
    short, long = sorted((one, other), key=len)
    if len(short) < _SHORTEST_STEM:
        return False
    return long.startswith(short) or SequenceMatcher(None, one, other, autojunk=False).ratio() >= _LIKENESS
