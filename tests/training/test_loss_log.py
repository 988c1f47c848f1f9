import time

import jax.numpy as jnp
import pytest

from pix2pix_jax.training.loss_log import LossLog, Stopwatch


def test_means_are_over_the_steps_since_the_last():
    log = LossLog()
    for step, value in enumerate([1.0, 2.0, 6.0], start=1):
        log.add(step, {"g_loss": jnp.float32(value), "d_loss": jnp.float32(-value)})
    log.fetch()
    assert log.mean() == (3, {"g_loss": 3.0, "d_loss": -3.0})
    log.add(4, {"g_loss": jnp.float32(8.0), "d_loss": jnp.float32(1.0)})
    assert log.mean() == (1, {"g_loss": 8.0, "d_loss": 1.0})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_named_with_its_step(value):
    log = LossLog()
    log.add(7, {"g_loss": jnp.float32(1.0)})
    log.add(8, {"g_loss": jnp.float32(1.0), "d_real": jnp.float32(value)})
    log.add(9, {"g_loss": jnp.float32(value)})
    with pytest.raises(FloatingPointError, match=f"loss term d_real became {value} at step 8"):
        log.fetch()


def test_pauses_are_left_out():
    watch = Stopwatch()
    with watch.paused():
        time.sleep(0.2)
    assert watch.lap()[0] < 0.15
    time.sleep(0.05)
    assert watch.lap()[0] >= 0.05
    assert watch.lap()[0] < 0.05


def test_waiting_is_counted_by_the_lap():
    watch = Stopwatch()
    for _ in range(2):
        with watch.waiting():
            time.sleep(0.02)
    time.sleep(0.05)
    seconds, waited = watch.lap()
    assert 0.04 <= waited <= seconds - 0.05
    assert watch.lap()[1] == 0
