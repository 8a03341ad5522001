"""What the bench of growing logs prints."""

import bench_scale

from pipeline import steps

SMALL = {"cpu": 10.0, "wall": 2.0, "peak": 600.0}


def test_a_line_by_eye():
    large = {"cpu": 50.0, "wall": 2.0, "peak": 800.0}
    assert bench_scale.line("Rules", 1000, SMALL, 500.0, None).split() == ["Rules", "10.0", "2.0", "500", "600", "100"]
    # Ten times the events, five times the CPU-seconds, three times the memory above what the imports take.
    cells = bench_scale.line("Rules", 10_000, large, 500.0, (1000, SMALL, 500.0)).split()
    assert cells[-7:] == ["200", "x", "10.0", "/", "5.0", "/", "3.0"]


def test_steps_that_take_little_are_summed():
    figures = {"Schema": {"cpu": 0.1, "wall": 0.2, "peak": 550.0}, "Rules": SMALL}
    assert bench_scale.join_small(figures) == figures
    joined = bench_scale.join_small(figures | {"Pusher": {"cpu": 0.3, "wall": 0.3, "peak": 500.0}})
    assert joined == {"Rules": SMALL, "2 others": {"cpu": 0.4, "wall": 0.5, "peak": 550.0}}


def test_every_step_of_the_launch_is_measured():
    names = bench_scale.names_of_steps()
    assert {steps.STATISTICS_GEN, steps.TRANSFORM, steps.TRAINER, steps.EVALUATOR, steps.PUSHER} <= set(names)
