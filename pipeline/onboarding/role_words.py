"""The words with which people name the columns of a log; the proposal of a declaration uses them."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


USERS = _words(
    "user customer member visitor client account subscriber shopper buyer viewer listener player reader person patient student learner guest "
    "passenger consumer uid userid"
)
ITEMS = _words(
    "item product article sku asin movie film track song video book offer listing show post document doc recipe course job game podcast episode "
    "story news photo image hotel property restaurant poi content creative deal asset isbn ean gtin iid itemid"
)
# These name a user or an item only together with a word for an id: `device` is a context, `device_id` may be all that is known
# of a user.
USERS_BY_ID = _words("session cookie device visit household profile anonymous subject")
ITEMS_BY_ID = _words(
    "stock page ad app place venue artist creator playlist category brand store merchant title entity object target"
)
IDS = _words("id ids key uid uuid guid token hash no number num uri urn code")
# What comes with a user or an item in a name and is not its id: `user_feature_0`, `item_price`.
ATTRIBUTES = _words(
    "invoice basket feature features affinity segment group type kind class age gender sex country city region "
    "language name agent rating score count cnt price cost title description text tier cohort status flag embedding "
    "vector level rank position time timestamp date event action category brand genre tags tag url link zip email "
    "ip weight value amount request query order row line transaction created since"
)

TIMES = _words("time timestamp tstamp ts date datetime at when epoch created occurred logged happened clock day")
# Keys of partition folders that say when, not where or how.
TIME_PARTS = _words("year month day hour minute dt date ds time")
EVENTS = _words("event action type kind interaction behavior behaviour activity verb feedback signal operation")
VALUES = _words(
    "rating score stars star value dwell duration seconds secs watched watch listened amount quantity qty playtime progress plays"
)
# How much of an item was taken: below 0 it came back.
QUANTITIES = _words("quantity qty amount units")
# How long somebody stayed with an item; `duration` alone may be the item's own length.
STAYS = _words("play watch listen view read dwell")
LENGTHS = _words("time duration seconds secs ms")
# What names a person outside of the product.
CONTACTS = _words("email mail phone telephone mobile msisdn")
# Who a visitor is who did not log in.
ANONYMOUS = _words("anonymous domain pseudo cookie device session visitor guest")
# One row of an order or a basket.
BASKETS = _words("order basket cart transaction invoice receipt checkout session")
REQUESTS = _words("request req query search slate response answer recommendation rec impression pageview list feed")
POSITIONS = _words("position pos rank slot place index")
PROPENSITIES = _words("propensity prob probability pscore")
POLICIES = _words("policy strategy algorithm algo variant bucket arm recommender ranker")
VERSIONS = _words("version model release build")
CONTEXTS = _words(
    "device platform os country region locale language lang page surface channel browser app hour weekday daypart referrer referer network placement "
    "screen medium market"
)

SHOWN = _words("impression impressions impressed exposure exposed shown show displayed display served")
VIEWED = _words("view views viewed pageview")
AGAINST = _words(
    "dislike disliked skip skipped hide hidden remove removed report reported unlike unsubscribe unsubscribed return returned refund close"
)
# What an event is worth in the value model until somebody who knows the product says it better.
WORTH = {
    1.0: _words(
        "click clicked tap open opened view viewed pageview select selected play played read visit watch watched listen listened"
    ),
    2.0: _words(
        "like liked love save saved favorite favourite share shared follow bookmark comment rate rated wishlist finished"
    ),
    3.0: _words("cart addtocart basket checkout signup register trial book reserve download install apply"),
    5.0: _words(
        "purchase purchased buy bought order ordered transaction pay paid payment booking subscribe subscribed sale conversion"
    ),
}
RATINGS = _words("rating score stars star")
# What users thought of an item, in words; and what is only known later. No request has either.
OPINIONS = _words("thumb thumbs reaction sentiment opinion")
LATER = _words("outcome result status returned refunded delivered")
# Together with a word for an action these describe the user, not the action.
NO_ANSWERS = _words("verified eligible enabled allowed can may test")
# Names of columns of true and false that say whether the user wanted it.
ANSWERS = _words("label target positive success answer accepted converted").union(VALUES, *WORTH.values())

# Before or beside a word for what may be recommended they say the opposite.
NEGATIONS = _words("not no non out un never")
INACTIVE = _words(
    "discontinued inactive unavailable disabled hidden archived deleted deprecated retired expired blocked unlisted draft sold"
)
ACTIVE = _words("active available availability enabled live sellable published stock instock visible")
# Since when an item is there, and how much it counts: what orders items before anybody acted on one.
ADDED = _words("added created launched published released listed new since uploaded introduced launch release")
PRIORITIES = _words("priority popularity")
TITLES = _words("title name headline label caption")
CATEGORIES = _words(
    "category brand genre genres type class department section topic artist author publisher maker color colour size style tag"
)
