"""The server's figures, for Prometheus. Each server has a registry of its own, so that several live in one process (tests do)."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """The counters and gauges."""

    def __init__(self) -> None:
        """Starts at zero."""
        self._registry = CollectorRegistry()
        self.seconds = Histogram(
            "dayone_request_seconds", "Time to answer, by route.", ["route"], buckets=BUCKETS, registry=self._registry
        )
        self.requests = Counter(
            "dayone_requests", "Requests, by route and HTTP status.", ["route", "status"], registry=self._registry
        )
        self.rows = Counter(
            "dayone_rows", "Rows answered, by signature and policy.", ["signature", "policy"], registry=self._registry
        )
        self.arms = Counter(
            "dayone_arm_requests", "Recommendations, by arm of the experiment.", ["arm"], registry=self._registry
        )
        self.version = Gauge("dayone_model_version", "The version that serves.", registry=self._registry)
        self.changes = Counter(
            "dayone_version_changes", "Versions loaded and refused.", ["event"], registry=self._registry
        )
        self.in_flight = Gauge("dayone_in_flight", "Requests that wait or are worked on.", registry=self._registry)
        self.history_failures = Counter(
            "dayone_history_failures", "Histories that the store did not give or take.", registry=self._registry
        )
        self.user_failures = Counter(
            "dayone_user_failures", "Users' columns that their store did not give.", registry=self._registry
        )
        self.store_down = Gauge(
            "dayone_store_down",
            "1 while a store (history, users) failed so often that it is not asked.",
            ["store"],
            registry=self._registry,
        )
        self.policy_failures = Counter(
            "dayone_policy_failures",
            "Answers that the team's exploration policy did not draw.",
            registry=self._registry,
        )
        self.logged = Gauge("dayone_logged_rows", "Rows written to the log.", registry=self._registry)
        self.dropped = Gauge(
            "dayone_dropped_rows", "Rows that could not be written to the log.", registry=self._registry
        )
        self.withheld = Gauge("dayone_withheld_items", "Items that are shown to nobody.", registry=self._registry)
        self.log_failing = Gauge(
            "dayone_log_failing", "1 while the traffic log cannot be written or published.", registry=self._registry
        )

    def count_arm(self, arm: str, rows: int) -> None:
        """Counts rows that an arm of the experiment got."""
        self.arms.labels(arm).inc(rows)

    def text(self) -> bytes:
        """Returns all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
