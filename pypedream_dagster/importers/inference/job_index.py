"""Job definitions by whatever a task may call them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from pypedream_dagster.importers.inference.naming import may_be_one, words_of
from pypedream_dagster.importers.parameters import filled, parameters_in
from pypedream_dagster.importers.survey import JobDefinition

_FEWEST_WORDS = 2


class JobIndex:
    """All jobs that sources define.

    Args:
        jobs: their definitions.
        values: of parameters.
        job_named: the job that an answer names for one that is defined nowhere.
        called: what tasks call their jobs.
    """

    def __init__(
        self,
        jobs: Iterable[JobDefinition],
        values: Mapping[str, str],
        job_named: Callable[[str], str | None],
        called: Iterable[str] = (),
    ) -> None:
        self._values, self._job_named = values, job_named
        self._by_name: dict[str, JobDefinition] = {}
        self._by_alias: dict[str, JobDefinition] = {}
        for job in jobs:
            whole = replace(job, name=filled(job.name, values))
            self._by_name.setdefault(whole.name, whole)
            for alias in (job.name, *job.aliases):
                self._by_alias.setdefault(alias, self._by_name[whole.name])
        spelled = defaultdict(list)
        for job in self._by_name.values():
            spelled[_spelling(job.name)].append(job)
        self._by_spelling = {spelling: same[0] for spelling, same in spelled.items() if len(same) == 1}
        self._called = {filled(name, values) for name in called}
        self._meant: set[str] = set()
        self.taken: dict[str, str] = {}
        """Jobs that are taken for ones that are defined nowhere, by what these are called."""

    def find(self, called: str) -> tuple[str, JobDefinition | None]:
        """Return a job's name and definition, from what a task calls it."""
        name = filled(called, self._values)
        job = self._by_name.get(name) or self._by_alias.get(called) or self._by_alias.get(name)
        if job is None and (said := self._job_named(name)):
            job, name = self._by_name.get(said), said
        elif job is None:
            job = self._by_spelling.get(_spelling(name)) or self._for_some_values(name) or self._alike(name)
        if job is None:
            return name, None
        self._meant.add(job.name)
        if parameters_in(job.name) and not parameters_in(name) and may_be_one(job.name, name):
            # The task knows the whole name, and its definition a part of it.
            return name, replace(job, name=name, properties={**job.properties, "Name": name})
        return job.name, job

    def left(self, used: Iterable[str]) -> list[JobDefinition]:
        """Return the jobs that no task means, by name."""
        meant = self._meant | set(used)
        return sorted((job for job in self._by_name.values() if job.name not in meant), key=lambda job: job.name)

    def _for_some_values(self, name: str) -> JobDefinition | None:
        found = [job for job in self._by_name.values() if may_be_one(job.name, name)]
        return found[0] if len(found) == 1 else None

    def _alike(self, name: str) -> JobDefinition | None:
        """Return the one job whose name has the same words, or others before or after them: it is asked for.

        Words such as ``dev`` and ``job`` do not count. One word alone may be before or after any others.
        """
        wanted = words_of(name)
        free = [job for job in self._by_name.values() if job.name not in self._called]
        found = [job for job in free if wanted and words_of(job.name) == wanted]
        found = found or [job for job in free if _is_end(wanted, words_of(job.name))]
        if len(found) != 1:
            return None
        self.taken[name] = found[0].name
        return found[0]


def _spelling(name: str) -> str:
    """Return a job's name as it is whatever its signs, its case, and a script's ending."""
    return re.sub(r"[-_ ]+", "-", name.strip().casefold().removesuffix(".py"))


def _is_end(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether one of two names is the beginning or the end of the other."""
    few, many = sorted((tuple(one), tuple(other)), key=len)
    return len(few) >= _FEWEST_WORDS and few in {many[: len(few)], many[-len(few) :]}
