"""What the bench of growing logs prints."""

import bench_scale


def test_a_line_by_eye():
    small, large = (
        {"cpu": cpu, "wall": 2.0, "start": 500.0, "peak": peak} for cpu, peak in ((10.0, 600.0), (50.0, 800.0))
    )
    assert bench_scale.line("Rules", 1000, small, None).split() == ["Rules", "10.0", "2.0", "500", "600", "100"]
    # Ten times the events, five times the CPU-seconds, three times the memory above what the imports take.
    assert bench_scale.line("Rules", 10_000, large, (1000, small)).split()[-7:] == [
        "200",
        "x",
        "10.0",
        "/",
        "5.0",
        "/",
        "3.0",
    ]
