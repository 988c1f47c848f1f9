import pytest

from benchmarks.timing.rows import JAX
from benchmarks.timing.workers import Job, NotRun, Worker, _reason
from pix2pix_jax.errors import UserError


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ImportError("no torch", name="torch"), "PyTorch is not installed"),
        (NotRun("this PyTorch sees no GPU"), "this PyTorch sees no GPU"),
        (UserError("there is no experiment x"), "there is no experiment x"),
        (RuntimeError("first\n\n second\nthird"), "RuntimeError: first second"),
    ],
)
def test_reasons_are_one_line(error: BaseException, reason: str) -> None:
    assert _reason(error) == reason


def test_a_job_that_cannot_run_starts_no_process() -> None:
    worker = Worker(Job(JAX, "training", "ycrcb_rgb", 1, 32, cannot_run="no device"))
    assert not worker.start()
    assert worker.reason == "no device"
    worker.turn(1)
    worker.stop()
    assert worker.turns == []
