"""MovieLens 100K as a launch: ratings with times, no impressions, films with genres.

The files are yours to bring (GroupLens terms: research use, no redistribution), in RecBole's atomic form:
`ml-100k.inter` and
`ml-100k.item`. Run with `python -m pipeline run --launch movielens --log DIR`.
"""

from components.declaration import Catalogue, Launch, Log, Objective, Split

LAUNCH = Launch(
    name="movielens",
    log=Log(
        path="ml-100k.inter",
        user="user_id:token",
        item="item_id:token",
        time="timestamp:float",
        time_unit="s",
        value="rating:float",
        delimiter="\t",
    ),
    catalogue=Catalogue(
        path="ml-100k.item",
        item="item_id:token",
        title="movie_title:token_seq",
        texts=("class:token_seq",),
        numbers=("release_year:token",),
        delimiter="\t",
    ),
    objectives=(Objective("like", value_at_least=4.0),),
    split=Split(eval_share=0.1),
)
