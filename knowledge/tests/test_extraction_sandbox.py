"""What a child process may not do, and what the parent makes of its end."""

from pathlib import Path

import psutil
import pytest

from knowledge.extraction.document import Cause, ExtractionError
from knowledge.extraction.limits import Budget
from knowledge.extraction.process import run_child
from knowledge.extraction.wire import Frame, FrameReader, Kind

CHILD = "knowledge.tests.hostile_child"
BUDGET = Budget(address_space_mb=512, cpu_s=10, wall_s=20.0, output_mb=4)


def result_of(act: str, *, target: str = "", budget: Budget = BUDGET) -> str:
    frames: list[Frame] = []
    run_child(CHILD, {"act": act, "target": target}, budget=budget, on_frame=frames.append)
    return next(frame.payload.decode() for frame in frames if frame.kind is Kind.result)


def cause_of(act: str, *, budget: Budget = BUDGET) -> Cause:
    with pytest.raises(ExtractionError) as raised:
        run_child(CHILD, {"act": act}, budget=budget, on_frame=lambda _: None)
    return raised.value.cause


def test_a_child_has_no_network() -> None:
    assert result_of("connect") == "PermissionError"


def test_a_child_starts_no_program() -> None:
    assert result_of("program") == "PermissionError"


def test_a_child_writes_nowhere_else(tmp_path: Path) -> None:
    target = tmp_path / "escaped"
    assert result_of("write", target=str(target)) == "PermissionError"
    assert not target.exists()


def test_a_child_sees_no_secrets_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    names = set(result_of("environment").split(","))
    assert names <= {
        "PYTHONPATH",
        "LC_ALL",
        "LC_CTYPE",
        "TMPDIR",
        "HOME",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
    }


@pytest.mark.parametrize(
    ("act", "cause"),
    [
        ("memory", Cause.out_of_memory),
        ("flood", Cause.too_large),
        ("segfault", Cause.crashed),
        ("exit", Cause.crashed),
        ("speak", Cause.malformed),
    ],
)
def test_the_end_of_a_child_names_its_cause(act: str, cause: Cause) -> None:
    assert cause_of(act) is cause


def test_a_child_that_waits_is_ended_by_the_clock() -> None:
    assert cause_of("sleep", budget=Budget(512, 10, 0.6, 4)) is Cause.timeout


def test_a_child_that_computes_is_ended_by_its_cpu_limit() -> None:
    assert cause_of("spin", budget=Budget(512, 1, 30.0, 4)) is Cause.timeout


def test_a_child_is_ended_when_the_caller_cancels() -> None:
    seen: list[Frame] = []
    with pytest.raises(ExtractionError) as raised:
        run_child(CHILD, {"act": "sleep"}, budget=BUDGET, on_frame=seen.append, cancelled=lambda: bool(seen))
    assert raised.value.cause is Cause.cancelled
    assert [frame.kind for frame in seen] == [Kind.progress]


def test_no_process_is_left_behind() -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    cause_of("sleep", budget=Budget(512, 10, 0.6, 4))
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before


def test_an_error_never_repeats_the_words_of_the_document() -> None:
    with pytest.raises(ExtractionError) as raised:
        run_child(CHILD, {"act": "speak"}, budget=BUDGET, on_frame=lambda _: None)
    assert "secret" not in str(raised.value)
    assert raised.value.detail == "ValueError"


def test_frames_are_put_together_from_any_pieces() -> None:
    reader = FrameReader()
    data = b"R\x00\x00\x00\x03abcA\x00\x00\x00\x00"
    frames = [frame for byte in data for frame in reader.feed(bytes([byte]))]
    assert frames == [Frame(Kind.result, b"abc"), Frame(Kind.part, b"")]
