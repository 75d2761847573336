"""IAM policies checked offline by cfn-lint, a kept library: the grammar, and actions against AWS's own lists.

What it gives are faults as text, so that a test reads ``assert not iam_faults(policy)``.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cfnlint.config import ConfigMixIn
from cfnlint.core import get_rules
from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource
from cfnlint.rules import RulesCollection
from cfnlint.runner import run_template_by_data

# cfn-lint takes a policy for identities as part of a template; a session policy has the same grammar.
_PLACE = ("Resources", "P", "Properties", "PolicyDocument")
_POLICY_VARIABLE = re.compile(r"\$\{(?!(?:[*?$]|[A-Za-z]+:[^}]+)\})")


def iam_faults(policy: str | Mapping[str, Any], *, ignored: frozenset[str] = frozenset()) -> list[str]:
    """Return what is wrong with a policy document, one line per fault; an empty list for a good one.

    Found are: faults of the grammar (E3510), actions that no service has and wildcards that match none (W3037),
    ARNs that none of a statement's actions take (I3510), and variables that IAM does not know.

    Args:
        policy: the document, as text or as an object.
        ignored: ids of cfn-lint's rules whose faults are left out.
    """
    document = json.loads(policy) if isinstance(policy, str) else policy
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {"P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}},
    }
    found = run_template_by_data(template, ConfigMixIn(regions=["us-east-1"], include_checks=["I"]), _rules())
    faults = [
        f"{match.rule.id} {'.'.join(map(str, match.path[len(_PLACE) :]))}: {match.message[:200]}"
        for match in found
        if match.rule.id not in ignored
    ]
    texts = [text for statement in _listed(document["Statement"]) for text in _resources(statement)]
    return faults + [f"unknown variable in {text}" for text in texts if _POLICY_VARIABLE.search(text)]


def actions_of(service: str) -> frozenset[str]:
    """Return the names of all actions of a service, in lower case, as cfn-lint knows them."""
    return frozenset(load_resource(AdditionalSpecs, "Policies.json")[service]["Actions"])


@functools.cache
def _rules() -> RulesCollection:
    """cfn-lint's own rules, read once: they take longer to read than to apply."""
    return get_rules([], [], ["I"])


def _resources(statement: Mapping[str, Any]) -> Iterator[str]:
    for name in ("Resource", "NotResource"):
        yield from _listed(statement.get(name, []))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
