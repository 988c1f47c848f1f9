from benchmarks.timing.turns import share_out


def test_turns_share_the_steps_out() -> None:
    assert share_out(1) == [1]
    assert share_out(7) == [2, 2, 1, 1, 1]
