"""Which names say that their value is a secret: of job arguments, settings, headers and query parameters."""

from __future__ import annotations

import re
from functools import lru_cache

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")

_SECRET = frozenset(
    [
        "password",
        "passwords",
        "passwd",
        "pwd",
        "pw",
        "pass",
        "passphrase",
        "passcode",
        "secret",
        "secrets",
        "token",
        "tokens",
        "apikey",
        "credential",
        "credentials",
        "creds",
        "cred",
        "auth",
        "authorization",
        "bearer",
        "sas",
        "dsn",
        "jwt",
        "pem",
    ]
)
_GLUED = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "encryptionkey",
    "signingkey",
    "accountkey",
    "storagekey",
    "sharedkey",
    "masterkey",
    "credential",
    "credentials",
    "connectionstring",
    "connstring",
    "connstr",
]
"""Ends of a word that was written without a break: ``dbpassword``, ``clientsecret``."""

_KEY_OF = frozenset(
    [
        "access",
        "account",
        "aes",
        "api",
        "app",
        "auth",
        "cipher",
        "client",
        "consumer",
        "crypto",
        "decryption",
        "encrypt",
        "encryption",
        "gpg",
        "hmac",
        "license",
        "master",
        "pgp",
        "private",
        "rsa",
        "secret",
        "shared",
        "signing",
        "ssh",
        "storage",
        "subscription",
    ]
)
"""What makes a ``key`` a secret, standing before it; a primary, partition or sort key is none."""

_ABOUT = frozenset(
    [
        "algorithm",
        "arn",
        "audience",
        "bucket",
        "class",
        "col",
        "cols",
        "column",
        "columns",
        "count",
        "counts",
        "enabled",
        "endpoint",
        "expiration",
        "expires",
        "expiry",
        "field",
        "fields",
        "file",
        "filename",
        "folder",
        "format",
        "header",
        "host",
        "id",
        "ids",
        "issuer",
        "length",
        "limit",
        "location",
        "manager",
        "max",
        "min",
        "method",
        "mode",
        "name",
        "names",
        "path",
        "policy",
        "port",
        "prefix",
        "provider",
        "realm",
        "region",
        "required",
        "rotation",
        "scope",
        "server",
        "size",
        "source",
        "table",
        "timeout",
        "ttl",
        "type",
        "uri",
        "url",
        "user",
        "username",
        "version",
    ]
)
"""Last words that make the value something about a secret, or the way to one, but not the secret."""

_COUNTING = frozenset({"max", "min", "num", "number", "n", "total", "count"})


@lru_cache(maxsize=4096)
def names_a_secret(name: str) -> bool:
    """Tell whether a name, in whatever spelling, says that its value is a secret.

    >>> [names_a_secret(name) for name in ("--DB_PASSWORD", "apiKey", "client-secret", "spark.hadoop.fs.s3a.secret.key")]
    [True, True, True, True]
    >>> [names_a_secret(name) for name in ("--primary_key", "--author", "--token_count", "--secret_name", "--SECRET_ID")]
    [False, False, False, False, False]
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words:
        return False
    pairs = set(zip(words, words[1:], strict=False))
    if ("access", "key") in pairs or "accesskey" in words or "accesskeyid" in words:
        return True  # the id of an AWS access key, too: it names whose credentials they are
    if words[-1] in _ABOUT:
        return False
    if words[0] in _COUNTING and words[-1] in {"token", "tokens"}:
        return False
    return (
        any(word in _SECRET or _is_glued(word) for word in words)
        or any(key in {"key", "keys"} and kind in _KEY_OF for kind, key in pairs)
        or any(a in {"connection", "conn"} and b in {"string", "str"} for a, b in pairs)
        or words in (["sig"], ["signature"])
        or words[-2:] == ["amz", "signature"]
    )


def _is_glued(word: str) -> bool:
    return any(word.endswith(end) for end in _GLUED)
