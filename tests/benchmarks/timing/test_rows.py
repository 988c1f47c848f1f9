from pathlib import Path
from types import SimpleNamespace

from benchmarks.timing.rows import ROWS, probe, row_jobs


def test_scaling_keeps_the_images_of_a_device() -> None:
    base = probe(SimpleNamespace(experiment="ycrcb_rgb", batch_size=64, image_size=96))

    def jobs(**facts: object) -> list:
        rows = [row for row in ROWS if row.group == "scaling"]
        return [job for row in rows for job in row_jobs(row, base, facts, Path())]

    on_cpu = jobs(backend="cpu", devices=1)
    assert [job.batch_size for job in on_cpu] == [8, 16, 32, 64]
    assert on_cpu[-1].environment["XLA_FLAGS"].endswith("device_count=8")
    assert [job.batch_size for job in jobs(backend="gpu", devices=2)] == [64, 128]
