"""What the step Triangle writes, for tests of what reads it."""


def interval(point, low, high):
    return {"point": point, "low": low, "high": high, "level": 0.95, "error": 0.01}


def moment(days, share, gain, model, rules, queries=2000):
    day = f"2026-11-{round(days) + 1:02d}T00:00:00+00:00"
    values = {"time": day, "until": day, "days": days, "share": share, "actions": round(20000 * share)}
    return values | {"queries": queries, "gain": gain, "model": model, "rules": rules}


MOMENTS = [
    moment(3.0, 0.1, interval(-0.1, -0.2, 0.02), interval(0.09, 0.08, 0.1), interval(0.1, 0.09, 0.11)),
    moment(6.2, 0.32, interval(0.2, 0.1, 0.3), interval(0.12, 0.11, 0.13), interval(0.1, 0.09, 0.11)),
    moment(27.0, 1.0, interval(0.8, 0.6, 1.0), interval(0.18, 0.17, 0.19), interval(0.1, 0.09, 0.11)),
]
RESULT = {
    "metric": "recall@10", "problem": "", "start": "2026-11-01T00:00:00+00:00", "trainings": 10, "moments": MOMENTS,
    "ages": [{"days": 24.0, "loss": interval(0.5, 0.4, 0.6)}, {"days": 20.8, "loss": interval(0.18, 0.08, 0.27)}],
    "users": {
        "points": [
            {"share": 0.125, "users": 200, "value": 0.11, "repeats": 3},
            {"share": 0.25, "users": 400, "value": 0.13, "repeats": 3},
            {"share": 0.5, "users": 800, "value": 0.155, "repeats": 2},
            {"share": 1.0, "users": 1600, "value": 0.18, "repeats": 1},
        ],
        "next": {"gain": interval(0.14, 0.07, 0.21), "refusal": ""},
        "last": {"gain": interval(0.145, 0.07, 0.22), "refusal": "", "truth": interval(0.16, 0.1, 0.22)},
    },
    "left_out": [],
}  # fmt: skip
