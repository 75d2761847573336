"""How a running embedded AWS is found: the address and root key in ``endpoint.json``."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from pypedream_dagster.local_aws.state_dir import StateDir, write_atomically

REGION = "us-east-1"
ACCOUNT_ID = "123456789012"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One running embedded AWS; the fields are exactly those of ``endpoint.json``."""

    url: str
    region: str
    access_key_id: str
    secret_access_key: str
    pid: int

    def environment(self) -> dict[str, str]:
        """The variables that point boto3, the AWS CLI and pyarrow at this endpoint and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@dataclass(frozen=True, slots=True)
class RootKey:
    """The unrestricted access key of one state directory."""

    access_key_id: str
    secret_access_key: str


def load_root_key(state: StateDir) -> RootKey:
    """The root key, made at the first start.

    Signatures are not verified, so the key id itself must be unguessable: it keeps other users of the
    machine, and web pages, from starting job runs as this user.
    """
    if not state.credentials_file.exists():
        made = RootKey("LOCAL" + secrets.token_hex(10).upper(), secrets.token_hex(20))
        write_atomically(state.credentials_file, json.dumps(asdict(made)).encode())
    return RootKey(**json.loads(state.credentials_file.read_text()))


def write_endpoint(state: StateDir, endpoint: Endpoint) -> None:
    """Publishes the running server."""
    write_atomically(state.endpoint_file, json.dumps(asdict(endpoint), indent=1).encode())


def read_endpoint(path: Path) -> Endpoint | None:
    """The endpoint in ``path``, or None where there is none or it cannot be read."""
    try:
        return Endpoint(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
