from types import SimpleNamespace

from benchmarks.timing.rows import base_job, device_counts, scaling_job


def test_scaling_keeps_the_images_of_a_device() -> None:
    base = base_job(SimpleNamespace(experiment="ycrcb_rgb", batch_size=64, image_size=96), "cpu")
    info = {"backend": "cpu", "devices": 1}
    jobs = [scaling_job(base, info, count) for count in device_counts(info)]
    assert [job.batch_size for job in jobs] == [8, 16, 32, 64]
    assert jobs[-1].environment["XLA_FLAGS"].endswith("device_count=8")
    assert device_counts({"backend": "gpu", "devices": 2}) == [1, 2]
