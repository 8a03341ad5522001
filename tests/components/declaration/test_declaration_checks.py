"""Every way in which a declaration can be wrong: the error names the field, the value and the allowed form."""

import dataclasses

import pytest

from components.declaration import Catalogue, Filter, Launch, Log, Model, Objective, Promotion, Rules, Split
from components.declaration.data import Boost
from components.errors import DayoneError, DeclarationError

LOG = Log(
    path="events.csv",
    user="u",
    item="i",
    time="t",
    event="e",
    impression="shown",
    request="r",
    value="v",
    context=("c",),
)
CATALOGUE = Catalogue(
    path="items.csv", item="i", title="name", categories=("kind",), texts=("name",), numbers=("price",)
)
CLICK = Objective("click", event="click")
LAUNCH = Launch(name="tea", log=LOG, split=Split(eval_share=0.1), objectives=(CLICK,), catalogue=CATALOGUE)


def changed(**fields):
    """LAUNCH with fields replaced: `log={"path": ""}` goes into the nested record."""
    nested = {
        name: dataclasses.replace(getattr(LAUNCH, name), **value) if isinstance(value, dict) else value
        for name, value in fields.items()
    }
    return dataclasses.replace(LAUNCH, **nested)


WRONG = [
    # fields to change, the field that the error names, the value it quotes, the allowed form
    ({"name": "Tea"}, "launch.name", "'Tea'", "lower-case letters, digits and _"),
    ({"name": "t" * 41}, "launch.name", "'ttt", "40 at most"),
    ({"name": 3}, "launch.name", "3", "a str"),
    ({"log": None}, "launch.log", "None", "a Log"),
    ({"log": {"path": ""}}, "launch.log.path", "''", "not empty"),
    ({"log": {"user": None}}, "launch.log.user", "None", "a str"),
    ({"log": {"item": "u"}}, "launch.log", "'u'", "each column in one role only"),
    ({"log": {"context": ("c", "t")}}, "launch.log", "'t'", "each column in one role only"),
    ({"log": {"context": "c"}}, "launch.log.context", "'c'", "a tuple"),
    ({"log": {"context": ("c", 3)}}, "launch.log.context[1]", "3", "a str"),
    ({"log": {"context": ("",)}}, "launch.log.context", "('',)", "not empty"),
    ({"log": {"context": ("History",)}}, "launch.log.context[0]", "'History'", "which every served model has"),
    (
        {"log": {"context": ("a:b", "a b")}},
        "launch.log.context[1]",
        "'a b'",
        "it is 'a_b', which another context column has",
    ),
    (
        {"objectives": (Objective("value", event="click"),)},
        "launch.objectives[0].name",
        "'value'",
        "the weighted sum of all objectives",
    ),
    ({"log": {"position": ""}}, "launch.log.position", "''", "not empty"),
    ({"log": {"value": "label_click"}}, "launch.log", "'label_click'", "do not begin with 'label_'"),
    ({"log": {"time_unit": "min"}}, "launch.log.time_unit", "'min'", "one of s, ms, us, ns, excel, iso"),
    ({"log": {"time_format": "%d.%m"}}, "launch.log.time_format", "'%d.%m'", "%Y (or %y), %m (or %b) and %d"),
    ({"log": {"time_format": "%d.%m.%Y %Q"}}, "launch.log.time_format", "'%d.%m.%Y %Q'", "letters out of %Y, "),
    (
        {"log": {"time_format": "%d.%m.%Y", "time_unit": "s"}},
        "launch.log.time_format",
        "'%d.%m.%Y'",
        'time_unit="iso" beside it',
    ),
    ({"log": {"user_fallbacks": ("i",)}}, "launch.log.user_fallbacks[0]", "'i'", "a column without another role, once"),
    (
        {"log": {"rows_are_impressions": True, "impression": None}},
        "launch.log.rows_are_impressions",
        "True",
        "log.event and log.impression",
    ),
    ({"log": {"first_position": 2}}, "launch.log.first_position", "2", "0 or 1"),
    ({"log": {"delimiter": ", "}}, "launch.log.delimiter", "', '", "one character"),
    ({"log": {"event": None}}, "launch.log.impression", "'shown'", "log.event to be declared"),
    ({"log": {"attribution_seconds": 0}}, "launch.log.attribution_seconds", "0", "above 0"),
    ({"log": {"max_quarantined": 1.5}}, "launch.log.max_quarantined", "1.5", "from 0 to 1"),
    ({"log": {"not_before": "long ago"}}, "launch.log.not_before", "'long ago'", "ISO 8601"),
    ({"log": {"value": None, "value_max": 5}}, "launch.log.value_max", "5", "log.value to be declared"),
    ({"log": {"value_min": 5, "value_max": 1}}, "launch.log.value_min", "5", "at most log.value_max, 1"),
    ({"log": {"drop_duplicates": 1}}, "launch.log.drop_duplicates", "1", "a bool"),
    ({"catalogue": {"max_quarantined": -0.1}}, "launch.catalogue.max_quarantined", "-0.1", "from 0 to 1"),
    ({"catalogue": {"item": ""}}, "launch.catalogue.item", "''", "not empty"),
    ({"catalogue": {"delimiter": ""}}, "launch.catalogue.delimiter", "''", "one character"),
    ({"catalogue": {"numbers": ("kind",)}}, "launch.catalogue", "'kind'", "each column once"),
    ({"catalogue": {"categories": ("i",)}}, "launch.catalogue", "'i'", "each column once"),
    ({"catalogue": "items.csv"}, "launch.catalogue", "'items.csv'", "a Catalogue or nothing"),
    ({"objectives": ()}, "launch.objectives", "()", "at least one objective"),
    ({"objectives": [CLICK]}, "launch.objectives", "[Objective(", "a tuple"),
    ({"objectives": (CLICK, CLICK)}, "launch.objectives[0].name", "'click'", "a name of its own"),
    ({"objectives": (Objective("Buy!", event="buy"),)}, "launch.objectives[0].name", "'Buy!'", "lower-case letters"),
    (
        {"objectives": (Objective("click", event="click", weight=-1),)},
        "launch.objectives[0].weight",
        "-1",
        "at least 0",
    ),
    (
        {"objectives": (Objective("click", event="click", weight=float("nan")),)},
        "launch.objectives[0].weight",
        "nan",
        "a finite number",
    ),
    (
        {"objectives": (Objective("click", event="click", weight=True),)},
        "launch.objectives[0].weight",
        "True",
        "a float",
    ),
    (
        {"objectives": (Objective("click", event="click", weight=0),)},
        "launch.objectives",
        "['click']",
        "a weight above 0",
    ),
    ({"objectives": (Objective("click"),)}, "launch.objectives[0].event", "None", "an event of the log's event column"),
    ({"objectives": (Objective("see", event="shown"),)}, "launch.objectives[0].event", "'shown'", "not the impression"),
    (
        {"log": {"event": None, "impression": None}},
        "launch.objectives[0].event",
        "'click'",
        "log.event is not declared",
    ),
    (
        {"log": {"value": None}, "objectives": (Objective("dwell", event="click", value_at_least=3.0),)},
        "launch.objectives[0].value_at_least",
        "3.0",
        "log.value to be declared",
    ),
    (
        {"objectives": (Objective("quick", event="click", label_fn="quick"),)},
        "launch.objectives[0].label_fn",
        "'quick'",
        "a function's dotted path",
    ),
    (
        {"objectives": (Objective("quick", event="click", value_at_least=1.0, label_fn="components.house.quick"),)},
        "launch.objectives[0].label_fn",
        "'components.house.quick'",
        "None together with value_at_least",
    ),
    ({"split": Split()}, "launch.split", "{}", "exactly one of eval_share, eval_days, eval_from"),
    ({"split": Split(eval_share=0.1, eval_days=2)}, "launch.split", "'eval_days': 2", "exactly one of"),
    ({"split": Split(eval_share=0)}, "launch.split.eval_share", "0", "above 0 and at most 0.5"),
    ({"split": Split(eval_share=0.6)}, "launch.split.eval_share", "0.6", "above 0 and at most 0.5"),
    ({"split": Split(eval_share="10%")}, "launch.split.eval_share", "'10%'", "a float or nothing"),
    ({"split": Split(eval_days=-1)}, "launch.split.eval_days", "-1", "above 0"),
    ({"split": Split(eval_from="next week")}, "launch.split.eval_from", "'next week'", "ISO 8601"),
    ({"rules": Rules(names=())}, "launch.rules.names", "()", "at least one rule"),
    (
        {"rules": Rules(names=("newer",))},
        "launch.rules.names",
        "'newer'",
        "popularity, recent_popularity, covisitation",
    ),
    ({"rules": Rules(names=("popularity", "popularity"))}, "launch.rules.names", "'popularity'", "each once"),
    ({"rules": {"recent_days": 0}}, "launch.rules.recent_days", "0", "above 0"),
    ({"rules": {"covisitation_window": 2.5}}, "launch.rules.covisitation_window", "2.5", "an int"),
    ({"rules": {"covisitation_decay": 1.5}}, "launch.rules.covisitation_decay", "1.5", "from 0 to 1"),
    ({"promotion": Promotion(metric="precision@10")}, "launch.promotion.metric", "'precision@10'", "recall@10"),
    ({"promotion": Promotion(metric="recall@1001")}, "launch.promotion.metric", "'recall@1001'", "k from 1 to 1,000"),
    ({"promotion": Promotion(metric="recall@0")}, "launch.promotion.metric", "'recall@0'", "k from 1 to 1,000"),
    ({"promotion": Promotion(metrics=("hits",))}, "launch.promotion.metrics", "'hits'", "a function's dotted path"),
    (
        {"promotion": Promotion(metrics=("components.house.mrr",))},
        "launch.promotion.metrics",
        "'components",
        "built-in",
    ),
    ({"promotion": Promotion(slices=("price",))}, "launch.promotion.slices", "'price'", "categories ('kind',)"),
    ({"promotion": Promotion(slices=("kind", "kind"))}, "launch.promotion.slices", "'kind'", "each name once"),
    (
        {"promotion": Promotion(guards=("kind=tea",))},
        "launch.promotion.guards",
        "'kind=tea'",
        "launch.promotion.slices",
    ),
    ({"promotion": Promotion(margin=-0.1)}, "launch.promotion.margin", "-0.1", "at least 0"),
    ({"promotion": Promotion(min_queries=0)}, "launch.promotion.min_queries", "0", "at least 1"),
    ({"promotion": Promotion(min_auc=50)}, "launch.promotion.min_auc", "50", "from 0 to 1"),
    ({"model": Model(dim=0)}, "launch.model.dim", "0", "above 0"),
    ({"model": Model(learning_rate=-1e-3)}, "launch.model.learning_rate", "-0.001", "above 0"),
    ({"model": Model(tuning_trials=-1)}, "launch.model.tuning_trials", "-1", "a number of at least 0"),
    ({"model": Model(epochs=True)}, "launch.model.epochs", "True", "an int"),
    ({"model": Model(ranking_features=("name",))}, "launch.model.ranking_features", "'name'", "('c', 'kind', 'price')"),
    ({"model": Model(ranking_features=("c", "c"))}, "launch.model.ranking_features", "'c'", "each once"),
    ({"model": Model(query_tower="MyTower")}, "launch.model.query_tower", "'MyTower'", "a function's dotted path"),
    ({"exclude_seen": 1}, "launch.exclude_seen", "1", "a bool"),
    ({"seed": -1}, "launch.seed", "-1", "at least 0"),
    (
        {"rules": {"names": ("components.rules",)}},
        "launch.rules.names",
        "'components.rules'",
        "a function's dotted path",
    ),
    ({"rules": {"names": ("tests.my.rule",)}}, "launch.rules.names", "'tests.my.rule'", "a function's dotted path"),
    (
        {"rules": {"names": ("popularity", "components.mine.popularity")}},
        "launch.rules.names",
        "'popularity'",
        "each once",
    ),
    (
        {"rules": {"fallbacks": ("popular",)}},
        "launch.rules.fallbacks",
        "'popular'",
        "rules out of launch.rules.names (popularity, ",
    ),
    ({"rules": {"fallbacks": ("popularity", "popularity")}}, "launch.rules.fallbacks", "'popularity'", "each once"),
    (
        {"rules": {"fallbacks": ("popularity", "covisitation")}},
        "launch.rules.fallbacks",
        "'covisitation')",
        "an answer for everybody",
    ),
    ({"rules": {"names": ("context_popularity",)}}, "launch.rules.context", "()", "'context_popularity'"),
    ({"rules": {"context": ("c",)}}, "launch.rules.context", "('c',)", "if, and only if"),
    (
        {"rules": {"names": ("context_popularity",), "context": ("e",)}},
        "launch.rules.context",
        "'e'",
        "out of launch.log.context",
    ),
    ({"promotion": {"guards": ("newcomers",)}}, "launch.promotion.guards", "'newcomers'", "new users; no history yet;"),
    (
        {"promotion": {"guards": ("e=shown",)}},
        "launch.promotion.guards",
        "'e=shown'",
        "'column=value' of a declared context column",
    ),
    ({"promotion": {"guards": ("c=1", "c=1")}}, "launch.promotion.guards", "'c=1'", "each once"),
    (
        {"promotion": {"ranking_slices": ("e",)}},
        "launch.promotion.ranking_slices",
        "'e'",
        "'users' or columns out of launch.log.context ('c',)",
    ),
    ({"promotion": {"guard_loss": 1.5}}, "launch.promotion.guard_loss", "1.5", "from 0 to 1"),
    ({"promotion": {"effect": 0.0}}, "launch.promotion.effect", "0.0", "above 0"),
    *(
        ({"catalogue": {"filters": (wrong,)}}, f"launch.catalogue.filters[0]{field}", got, needed)
        for wrong, field, got, needed in (
            (Filter("i", "<=", context="c"), ".column", "'i'", "not the id"),
            (Filter("price", "=<", context="c"), ".operator", "'=<'", "one of <=, <, >=, >, ==, !=, contains"),
            (Filter("price", "<="), "", "(None, None)", "either context or value"),
            (Filter("price", "<=", context="age"), ".context", "'age'", "out of launch.log.context ('c',)"),
            (Filter("price", "<=", value="3"), ".value", "'3'", "a number for the operator '<='"),
            (Filter("kind", "==", value=3), ".value", "3", "a text for the operator '=='"),
        )
    ),
    (
        {"catalogue": {"boosts": (Boost("", "x", 2.0),)}},
        "launch.catalogue.boosts[0].column",
        "''",
        "a column of the catalogue",
    ),
    ({"catalogue": {"boosts": (Boost("i", "x", 2.0),)}}, "launch.catalogue.boosts[0].column", "'i'", "not the id"),
    (
        {"catalogue": {"boosts": (Boost("kind", "x", -1.0),)}},
        "launch.catalogue.boosts[0].factor",
        "-1.0",
        "0 hides the item",
    ),
    (
        {"catalogue": {"boosts": (Boost("kind", "x", 2.0), Boost("kind", "x", 3.0))}},
        "launch.catalogue.boosts[0]",
        "('kind', 'x')",
        "each column and",
    ),
]


@pytest.mark.parametrize(
    ("fields", "named", "got", "needed"), WRONG, ids=[f"{named}-{got}" for _, named, got, _ in WRONG]
)
def test_an_error_names_the_field_the_value_and_the_allowed_form(fields, named, got, needed):
    with pytest.raises(DeclarationError) as caught:
        changed(**fields)
    assert caught.value.field == named
    text = str(caught.value)
    assert text.startswith(f"declaration: {named} needs ")
    assert needed in text
    assert got in text[text.index(", got ") :]
    assert isinstance(caught.value, DayoneError)
