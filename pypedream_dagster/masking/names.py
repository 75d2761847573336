"""Which names say that their value is a secret: of job arguments, settings, headers and query parameters."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")

_SECRET = re.compile(
    r"passwords?|passwd|pwd|pw|pass|passphrase|passcode|secrets?|tokens?|apikeys?|credentials?|creds?|auth|authorization"
    r"|bearer|sas|dsn|jwt|pem|pat|cookie"
)
# Of a word written without a break, its end: dbpassword, clientsecret.
_GLUED = re.compile(
    r"\w+(?:password|passwd|passphrase|secret|token|apikey|credentials?|connectionstring|connstring|connstr)"
    r"|\w*(?:access|secret|private|encryption|signing|account|storage|shared|master)key"
)
# What makes a key a secret, standing before it; a primary, partition or sort key is none.
_KEY_OF = re.compile(
    r"access|account|aes|api|app|auth|cipher|client|consumer|crypto|decryption|encrypt|encryption|fernet|gpg|hmac|license"
    r"|master|pgp|private|rsa|secret|shared|signing|ssh|storage|subscription"
)
# Last words that make the value something about a secret, or the way to one, but not the secret.
_ABOUT = re.compile(
    r"algorithm|arn|audience|bucket|class|cols?|columns?|counts?|enabled|endpoint|expiration|expires|expiry|fields?|file"
    r"|filename|folder|format|header|host|ids?|issuer|length|limit|location|manager|max|min|method|mode|names?|param"
    r"|parameter|path|policy|port|prefix|provider|realm|region|required|rotation|scope|server|size|source|table|timeout|ttl|type|uri|url|user"
    r"|username|version"
)
_COUNTING = re.compile(r"max|min|num|number|n|total|count")


@lru_cache(maxsize=4096)
def names_a_secret(name: str) -> bool:
    """Tell whether a name, in whatever spelling, says that its value is a secret.

    >>> [names_a_secret(name) for name in ("--DB_PASSWORD", "apiKey", "client-secret", "fs.s3a.secret.key")]
    [True, True, True, True]
    >>> [names_a_secret(name) for name in ("--primary_key", "--author", "--token_count", "--SECRET_ID")]
    [False, False, False, False]
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words:
        return False
    pairs = set(pairwise(words))
    if ("access", "key") in pairs or "accesskey" in words or "accesskeyid" in words:
        return True  # the id of an AWS access key, too: it names whose credentials they are
    if _ABOUT.fullmatch(words[-1]):
        return False
    if _COUNTING.fullmatch(words[0]) and words[-1] in {"token", "tokens"}:
        return False
    return (
        any(_SECRET.fullmatch(word) or _GLUED.fullmatch(word) for word in words)
        or any(key in {"key", "keys"} and _KEY_OF.fullmatch(kind) for kind, key in pairs)
        or any(a in {"connection", "conn"} and b in {"string", "str"} for a, b in pairs)
        or words == ["sig"]
        or words[-1] == "signature"
    )
