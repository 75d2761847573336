#!/bin/sh
# Set up .venv from requirements.lock: needs Python 3.11 or newer, git and make; no compiler, no Java, no account.
set -eu
venv=${1:-.venv}
python=${PYTHON:-python3}
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

say() { printf 'setup: %s\n' "$*" >&2; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    say "$python is missing or older than 3.11; install Python 3.11, or name one: make setup PYTHON=/path/to/python3.11"
    exit 1
}
if [ ! -x "$venv/bin/pip" ]; then
    say "virtual environment in $venv"
    # Debian ships venv and pip apart from python3; without them there is nothing to start from.
    "$python" -m venv "$venv" >/dev/null 2>&1 || {
        rm -rf "$venv"
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "this Debian has no python3-venv: installing it"
            apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
                "python$version-venv" >/dev/null
            "$python" -m venv "$venv"
        else
            say "Python's venv module is missing; on Debian: sudo apt-get install python$version-venv"
            exit 1
        fi
    }
fi
say "locked dependencies (about 900 MB, a few minutes the first time)"
# The locks are complete, so nothing is resolved; every file is checked against its hash. pip compiles the
# bytecode as it installs, which halves later start-ups.
install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$@"; }
install --require-hashes -r requirements-build.lock
install --require-hashes --no-build-isolation --use-pep517 -r requirements.lock
install --no-build-isolation --editable .
say "Java and the S3A jars"
"$venv/bin/python" -m pypedream_dagster.local_aws.jars
say "ready"
