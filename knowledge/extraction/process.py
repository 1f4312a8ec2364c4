"""The parent's half: start a confined child, read its frames within limits, and always end it."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from knowledge.extraction.document import Cause, ExtractionError
from knowledge.extraction.limits import MEGABYTE, Budget
from knowledge.extraction.wire import Frame, FrameReader, Kind

ROOT = Path(__file__).resolve().parents[2]
LOOK_EVERY_S = 0.1
READ_BYTES = 1 << 20
DEATHS = {
    signal.SIGXCPU: Cause.timeout,
    signal.SIGXFSZ: Cause.too_large,
    signal.SIGKILL: Cause.out_of_memory,
}


def run_child(
    module: str,
    request: Mapping[str, Any],
    *,
    budget: Budget,
    on_frame: Callable[[Frame], None],
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Run one reader module to its end and hand each frame but errors to `on_frame`.

    Raises ExtractionError with the cause that the child named, or that its end shows. No process,
    pipe or scratch file outlives the call.
    """
    with tempfile.TemporaryDirectory(prefix="sideline-") as scratch, tempfile.TemporaryFile() as question:
        question.write(orjson.dumps(request))
        question.seek(0)
        process = subprocess.Popen(  # noqa: S603 - our interpreter, our module
            _command(module, budget),
            stdin=question,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=scratch,
            env=_environment(scratch),
            start_new_session=True,
            close_fds=True,
        )
        try:
            _converse(process, budget, on_frame, cancelled)
        finally:
            _end(process)


def _command(module: str, budget: Budget) -> list[str]:
    numbers = (budget.address_space_mb, budget.cpu_s, budget.output_mb, int(budget.threads))
    launcher = [sys.executable, "-P", "-s", "-m", "knowledge.extraction.launcher"]
    return [*launcher, module, *map(str, numbers)]


def _environment(scratch: str) -> dict[str, str]:
    """Nothing of the parent's environment: it holds keys. One thread per numerical library."""
    return {
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "C.UTF-8",
        "TMPDIR": scratch,
        "HOME": scratch,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def _converse(
    process: subprocess.Popen[bytes],
    budget: Budget,
    on_frame: Callable[[Frame], None],
    cancelled: Callable[[], bool] | None,
) -> None:
    """Read until the child closes its output, or until a limit or the caller ends it."""
    if process.stdout is None:
        raise ExtractionError(Cause.crashed, "the child has no output")
    output, reader = process.stdout.fileno(), FrameReader()
    deadline = time.monotonic() + budget.wall_s
    allowed = budget.output_mb * MEGABYTE
    while True:
        _check(deadline, cancelled)
        if not select.select([output], [], [], LOOK_EVERY_S)[0]:
            continue
        data = os.read(output, READ_BYTES)
        if not data:
            break
        allowed -= len(data)
        if allowed < 0:
            raise ExtractionError(Cause.too_large, "more text than the output limit")
        _deliver(reader, data, on_frame)
    _judge_end(process)


def _check(deadline: float, cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise ExtractionError(Cause.cancelled, "stopped on request")
    if time.monotonic() > deadline:
        raise ExtractionError(Cause.timeout, "wall clock")


def _deliver(reader: FrameReader, data: bytes, on_frame: Callable[[Frame], None]) -> None:
    try:
        frames = list(reader.feed(data))
    except ValueError as error:
        raise ExtractionError(Cause.crashed, "the child sent no frame") from error
    for frame in frames:
        if frame.kind is Kind.error:
            cause, detail = orjson.loads(frame.payload)
            raise ExtractionError(Cause(cause), str(detail)[:200])
        on_frame(frame)


def _judge_end(process: subprocess.Popen[bytes]) -> None:
    try:
        code = process.wait(timeout=LOOK_EVERY_S * 50)
    except subprocess.TimeoutExpired as error:
        raise ExtractionError(Cause.timeout, "the child did not end") from error
    if code < 0:
        ended_by = signal.Signals(-code)
        raise ExtractionError(DEATHS.get(ended_by, Cause.crashed), ended_by.name)
    if code > 0:
        raise ExtractionError(Cause.crashed, f"exit code {code}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the child's own process group."""
    if process.stdout is not None:
        process.stdout.close()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
