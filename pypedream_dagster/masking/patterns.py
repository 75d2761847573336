"""What shows in a text by itself that it is a secret, and the one way in which it is masked."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable

from pypedream_dagster.masking.names import names_a_secret

MASK = "***"

Found = Callable[[str], None]
"""Told every secret that is masked."""

_TRIVIAL = frozenset({"", "true", "false", "yes", "no", "on", "off", "none", "null", "0", "1", "[]", "{}", MASK})
_REFERENCE = re.compile(r"(?:arn:[\w-]*:|s3[an]?://|\{\{resolve:|\$\{)", re.IGNORECASE)

# Each has what stays before the secret as its first group, and the secret as its second.
_PATTERNS = (
    # Private keys; what was cut off has no end.
    re.compile(
        r"()(-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z))", re.S
    ),
    # https://www.rfc-editor.org/rfc/rfc9110#name-authorization: the rest of the header, whatever its scheme.
    re.compile(r"(\bauthorization\\*[\"']?\s*[:=]\s*\\*[\"']?)((?:(?!\\*[\"'])[^\n\r}])+)", re.I),
    re.compile(r"(\bbearer\s+)([A-Za-z0-9._~+/=-]{16,})", re.I),
    re.compile(r"(\bbasic\s+)([A-Za-z0-9+/]{6,}={1,2})", re.I),
    re.compile(r"(\bidentified\s+by\s+['\"]?)([^\s'\";]+)", re.I),
    # scheme://user:password@host; a port and a path before an @ are no password.
    re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@'\"]*:)(?!\d+/)([^\s'\"<>]+)(?=@)", re.I),
    re.compile(r"(\bhttps?://)([^\s/:@'\"]+)(?=@)", re.I),
    # jdbc:oracle:thin:user/password@host
    re.compile(r"(\bjdbc:oracle:\w+:[^\s/@:]+/)([^\s@'\"]+)(?=@)", re.I),
    re.compile(r"()(\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)"),
    re.compile(r"()(\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)"),
    re.compile(
        r"()(\b(?:gh[opsru]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|AIza[\w-]{35}|"
        r"[prs]k_(?:live|test)_\w{10,}|sk-[\w-]{20,}|dapi[0-9a-f]{32}|npm_\w{30,}|pypi-[\w-]{40,}|dop_v1_\w{40,}|"
        r"SG\.[\w-]{16,}\.[\w-]{16,}))"
    ),
    re.compile(r"(\bhooks\.slack\.com/(?:services|workflows)/)([\w/-]+)"),
    re.compile(r"(\bdiscord(?:app)?\.com/api/webhooks/)([\w/-]+)"),
    re.compile(r"()(\b(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9/+=]{20,})"),  # session tokens of AWS
)
_ELEMENT = re.compile(r"(?P<before><(?P<name>[A-Za-z][\w.:-]*)>)(?P<value>[^<]+)(?=</(?P=name)>)")
_AWS_SECRET_KEY = re.compile(r"(?<![A-Za-z0-9/+=_.-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_.-])")
_LEAST_BITS = 4.2  # per character of 40: random ones have about 4.8, paths and words below 4

_PAIR = re.compile(
    r"""
    (?P<arn>\barn:[\w-]+:[^\s"',;]+) |  # which ends in secret:its-name, if it is one of Secrets Manager
    (?<![\w.-])
    (?P<open>\\*["'])? (?P<name>-{0,2}[A-Za-z][\w.-]{0,127}) (?(open)(?P=open))
    (?P<between> \s*(?:=>|:=|=|:)\s* | ,\s*(?=\\*["']) | \s+ )
    (?: (?P<quote>\\*["'])(?P<quoted>.*?)(?:(?<!\\)(?P=quote)|\Z) | (?P<bare>[^\s"',;&)}\]<>\\]+) )
    """,
    re.VERBOSE | re.DOTALL,
)

_PROSE = re.compile(r"[A-Za-z][A-Za-z_-]*[:.!?]?|\d[\d.,%]*")


def is_plain(value: str) -> bool:
    """Tell whether a value cannot be a secret, whatever its name: a switch, or a reference to where the secret is."""
    return value.strip().lower() in _TRIVIAL or bool(_REFERENCE.match(value))


def mask_patterns(text: str, found: Found = lambda _: None) -> str:
    """Return a text without the secrets that show as such.

    They show by their form (keys and tokens of known services, passwords in URLs, headers) or by a name before them
    that says so: ``password=…``, ``"apiKey": "…"``, ``--db-password …``.
    """
    for pattern in _PATTERNS:
        text = pattern.sub(lambda match: _masked(match[1], match[2], found), text)
    text = _ELEMENT.sub(lambda match: _mask_element(match, found), text)
    return _mask_pairs(_AWS_SECRET_KEY.sub(lambda match: _mask_random(match[0], found), text), found)


def _masked(before: str, secret: str, found: Found) -> str:
    if not secret.strip() or secret.strip() == MASK:
        return f"{before}{secret}"
    found(secret)
    return f"{before}{MASK}"


def _mask_element(match: re.Match[str], found: Found) -> str:
    is_secret = names_a_secret(match["name"]) and not is_plain(match["value"])
    return _masked(match["before"], match["value"], found) if is_secret else match[0]


def _mask_random(text: str, found: Found) -> str:
    counts = Counter(text)
    bits = -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
    mixed = any(c.islower() for c in text) and any(c.isupper() for c in text) and any(c.isdigit() for c in text)
    return _masked("", text, found) if mixed and bits >= _LEAST_BITS else text


def _mask_pairs(text: str, found: Found) -> str:
    parts, position, start = [], 0, 0
    while (match := _PAIR.search(text, start)) is not None:
        if match["arn"] is not None:
            start = match.end()
            continue
        group = "quoted" if match["quoted"] is not None else "bare"
        value = match[group]
        if not (names_a_secret(match["name"]) and _pairs(text, match)) or is_plain(value):
            # What looked like a value may be a name itself: --conf spark.hadoop.fs.s3a.secret.key=…
            start = max(match.end("between"), match.end("name") + 1)
            continue
        found(value)
        parts.append(text[position : match.start(group)] + MASK)
        position = start = match.end(group)
    return "".join([*parts, text[position:]])


def _pairs(text: str, match: re.Match[str]) -> bool:
    """Tell whether a name and what follows it are a name and its value, and not words of a sentence.

    A space joins them after ``--name`` and before a quoted value, a comma after ``--name`` only.
    ``load_tokens: started`` is a sentence; ``token: a1b2`` is none, and neither is a line of nothing but
    ``password: swordfish``.
    """
    between = match["between"]
    if match["name"].startswith("--") and not between.strip():
        return match["open"] is None and not (match["bare"] or "").startswith("--")
    if match["name"].startswith("--") or (match["bare"] is None and not between.strip()):
        return True
    if not any(sign in between for sign in ":="):
        return False
    if match["bare"] is None or not between.endswith((" ", "\t")) or between.strip() != ":":
        return True
    line = text[text.rfind("\n", 0, match.start()) + 1 : (text + "\n").index("\n", match.end())]
    return _PROSE.fullmatch(match["bare"]) is None or line.strip() == match[0].strip()
