"""Runs tasks on the workers of a dask scheduler. Loaded only when one is asked for.

A task travels as its prepared file and its job; a worker process on the other machine fills the
file, which comes back as bytes and is merged here like any other. Every cluster worker must have
the same build: its code is what the run_key names.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Sequence

from twinpath_analysis.database import connect

from .. import provenance
from ..errors import ConfigError, Problem, TwinpathError
from ..fill import Watch, fill_prepared, give_up, record_failure, worker_job
from ..prepare import insert, prepare
from .local import LOOK_S, Finished, Limits
from .tasks import Task

CONNECT_S = 10.0
PACKAGE = "python3-distributed"
STARTED_BY = "./twinpath python -m distributed.cli.dask_worker"


@dataclass(frozen=True)
class Parcel:
    """One run on its way to another machine."""

    driver: str
    image: bytes  # the prepared file, compressed: most of an empty database is zeros
    run_id: int
    job: dict[str, Any]
    build_sha256: str
    timeout: float | None


def build_here(driver: str) -> str:
    """The hash of this machine's driver, or why there is none."""
    try:
        return str(provenance.build_row(driver)["sha256"])
    except TwinpathError as error:
        return str(error)


def run_parcel(parcel: Parcel) -> bytes:
    """On the cluster: fills the file of one run; its bytes, compressed. Failures are rows of it."""
    with tempfile.TemporaryDirectory(prefix="twinpath-") as folder:
        path = os.path.join(folder, "run.db")
        Path(path).write_bytes(zlib.decompress(parcel.image))
        found = build_here(parcel.driver)
        if found != parcel.build_sha256:
            record_failure(path, parcel.run_id, f"this worker has another build: {found}")
            return zlib.compress(Path(path).read_bytes())
        fill_prepared({**parcel.job, "db": path}, Watch(parcel.timeout))
        _enter_machine(path, parcel.run_id)
        return zlib.compress(Path(path).read_bytes())


def _enter_machine(path: str, run_id: int) -> None:
    """The run is this machine's, not that of the one who asked for it."""
    row = provenance.machine_row()
    connection = connect(path, durable=False)
    try:
        found = connection.execute("SELECT machine_id FROM machine WHERE sha256 = ?",
                                   (row["sha256"],)).fetchone()
        machine = found[0] if found else insert(connection, "machine", row)
        connection.execute("UPDATE run SET machine_id = ? WHERE run_id = ?", (machine, run_id))
    finally:
        connection.close()


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        text = f"dask is not installed; run `apt-get install {PACKAGE}`"
        raise ConfigError([Problem("scheduler", "", text)]) from error
    return distributed


class ClusterPool:
    """Tasks on a dask cluster, in their order; as many at a time as it has threads."""

    def __init__(self, tasks: Sequence[Task], folder: Path, limits: Limits, address: str) -> None:
        self._tasks, self._folder, self._limits = tasks, folder, limits
        self._address = address
        self._of: dict[Any, tuple[Task, str]] = {}

    def __enter__(self) -> "ClusterPool":
        distributed = _distributed()
        try:
            self._client = distributed.Client(self._address, timeout=CONNECT_S)
        except (OSError, ValueError) as error:
            text = f"no dask scheduler answers at {self._address}: {error}"
            raise ConfigError([Problem("scheduler", self._address, text, "tcp://HOST:8786")]
                              ) from error
        try:
            self._check_workers()
            self._submit()
        except BaseException:
            self._client.close()
            raise
        return self

    def _check_workers(self) -> None:
        """Every worker has our build, or ConfigError names those that have not."""
        wanted = build_here("sim")
        try:
            found = self._client.run(build_here, "sim")
        except (ImportError, AttributeError) as error:
            raise ConfigError([Problem("scheduler", self._address, "a worker of this cluster "
                                       f"cannot load twinpath ({error}); start it with "
                                       f"`{STARTED_BY}`")]) from error
        problems = [Problem("scheduler", address, f"worker {address} has another build than this "
                            f"machine ({has[:16]}, here {wanted[:16]})", hint="build one commit")
                    for address, has in found.items() if has != wanted]
        if not found:
            problems = [Problem("scheduler", self._address, "this cluster has no worker; start one "
                                f"with `{STARTED_BY} {self._address}`")]
        if problems:
            raise ConfigError(problems)

    def _submit(self) -> None:
        build = build_here("sim")
        for number, task in enumerate(self._tasks):
            path = str(self._folder / f"cluster-{number}.db")
            request = task.request(self._limits.source)
            run_id, _ = prepare(path, request)
            parcel = Parcel(task.driver, zlib.compress(Path(path).read_bytes()), run_id,
                            worker_job(request, path, run_id), build, self._limits.timeout)
            os.remove(path)
            future = self._client.submit(run_parcel, parcel, pure=False,
                                         priority=len(self._tasks) - number)
            self._of[future] = task, path

    def finished(self) -> Iterator[Finished | None]:
        """Tasks as they end; None while none does."""
        from distributed import as_completed

        ended = as_completed(list(self._of))
        while not ended.is_empty():
            if not ended.has_ready():
                time.sleep(LOOK_S)
                yield None
                continue
            future = next(ended)
            if future not in self._of:
                continue  # stopped meanwhile
            task, path = self._of.pop(future)
            error = future.exception()
            if error is None:
                Path(path).write_bytes(zlib.decompress(future.result()))
            else:
                give_up(path, task.request(self._limits.source),
                        f"the cluster lost this run: {error!r}")
            yield Finished(task, path, error=repr(error) if error else "")

    def stop(self) -> None:
        """Takes back what has not ended. Cluster workers end the runs they have begun; nobody
        waits for them."""
        for future in list(self._of):
            future.cancel(force=True)
        self._of.clear()

    def __exit__(self, *_: object) -> None:
        self.stop()
        with contextlib.suppress(OSError, TimeoutError):
            self._client.close()
