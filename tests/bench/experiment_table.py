"""The table of an experiment lived by day: what each run read and decided, and what is true."""

HEADS = (
    f"{'day':>3}  {'decision':<8}{'stage':>6}{'users':>14}  {'clicks: gain (range)':<28}{'purchases (range)':<28}"
    f"{'as assigned':>11}   {'users a day':>11}{'rules':>7}{'model':>7}{'truth':>8}"
)


def line(day, experiment, users, arms):
    """A row of the table."""
    means = {arm: float(values.mean()) for arm, values in arms.items() if len(values)}
    rules, model = means.get("control", means.get("holdout")), means.get("treatment", means.get("outside"))
    truth = f"{model / rules - 1:+.0%}" if rules and model else ""
    lived = f"{users:>11,}{rules or 0:>7.2f}{model or 0:>7.2f}{truth:>8}"
    if experiment["decision"] is None:
        held = experiment["holdout"]
        return f"{day:>3}  holdout {_range(held) if held else '':>48}{'':<39}   {lived}"
    progress, decision = experiment["progress"], experiment["decision"]["kind"]
    stage, counted = f"{progress['stage']}/{progress['stages']}", "{:,}+{:,}".format(*progress["users"])
    objective, *guards = [_range(metric) for metric in experiment["metrics"]]
    served = experiment["served_as_assigned"]
    assigned = "" if served is None else f"{served:.1%}"
    return f"{day:>3}  {decision:<8}{stage:>6}{counted:>14}  {objective:<28}{guards[0]:<28}{assigned:>11}   {lived}"


def _range(metric):
    if metric["gain"] is None:
        return "-"
    bounds = [metric[name] for name in ("low", "high")]
    written = ["..." if bound is None else f"{bound:+.0%}" for bound in bounds]
    return f"{metric['gain']:+.1%} ({' to '.join(written)})"
