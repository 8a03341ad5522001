import json

import pyarrow as pa
import pytest
from small_vectors import vectors

from components.errors import SettingsError
from components.vectors.vertex_store import VertexStore

# The client library takes as long to import as TensorFlow, and TFX imports it anyway.
pytestmark = pytest.mark.tensorflow
pytest.importorskip("google.cloud.aiplatform", reason="the extra `vertex` is not installed")
STORE = VertexStore("my-project", "europe-west4", "recs", "shop_online")
VIEW = "projects/my-project/locations/europe-west4/featureOnlineStores/shop_online/featureViews/shop_items_7"


def rich():
    return vectors(kind=pa.array(["mug", "hat", None, "mug"]), price=pa.array([1.5, 2.0, 3.0, None], pa.float32()))


def printed():
    """The JSON bodies of a dry run, in order."""
    return [json.loads(text) for text in STORE.plan(rich()) if text.startswith("{")]


def test_the_table_is_loaded_whole():
    load = printed()[0]["configuration"]

    assert load["load"] == {"sourceFormat": "PARQUET", "writeDisposition": "WRITE_TRUNCATE", "parquetOptions": {"enableListInference": True}}
    assert load["labels"] == {"launch": "shop", "model_version": "7"}
    assert STORE.table(rich()) == "my-project.recs.shop_items_7"


def test_the_view_indexes_the_vector_and_filters_by_text():
    assert printed()[1] == {
        "parent": "projects/my-project/locations/europe-west4",
        "featureOnlineStore": {"optimized": {}},
        "featureOnlineStoreId": "shop_online",
    }
    view = printed()[2]
    assert (view["parent"], view["featureViewId"]) == (VIEW.rpartition("/featureViews/")[0], "shop_items_7")
    assert view["featureView"]["bigQuerySource"] == {"uri": "bq://my-project.recs.shop_items_7", "entityIdColumns": ["item_id"]}
    assert view["featureView"]["indexConfig"] == {
        "embeddingColumn": "vector",
        "embeddingDimension": 3,
        "filterColumns": ["kind"],
        "distanceMeasureType": "DOT_PRODUCT_DISTANCE",
        "treeAhConfig": {},
    }


def test_the_view_is_synchronised_last_and_the_question_goes_to_it():
    assert printed()[3] == {"featureView": VIEW}
    assert printed()[4] == {
        "featureView": VIEW,
        "query": {"embedding": {"value": [1.0, 0.0, 0.0]}, "neighborCount": 10},
        "returnFullEntity": True,
    }


def test_the_services_and_their_methods_are_named():
    lines = [text for text in STORE.plan(rich()) if not text.startswith("{")]

    assert lines == [
        "1  POST https://bigquery.googleapis.com/upload/bigquery/v2/projects/my-project/jobs  (4 rows of Parquet)",
        "2  FeatureOnlineStoreAdminService.CreateFeatureOnlineStore at europe-west4-aiplatform.googleapis.com",
        "3  FeatureOnlineStoreAdminService.CreateFeatureView at europe-west4-aiplatform.googleapis.com",
        "4  FeatureOnlineStoreAdminService.SyncFeatureView at europe-west4-aiplatform.googleapis.com",
        "then ask, at the store's own endpoint: FeatureOnlineStoreService.SearchNearestEntities",
    ]


@pytest.mark.parametrize(
    ("names", "option"),
    [
        (("My Project", "europe-west4", "recs", "store"), "--project"),
        (("my-project", "Europe", "recs", "store"), "--region"),
        (("my-project", "europe-west4", "re-cs", "store"), "--dataset"),
        (("my-project", "europe-west4", "recs", "9store"), "--store"),
    ],
)
def test_a_name_that_the_cloud_refuses_is_one_message(names, option):
    with pytest.raises(SettingsError, match=f"setting {option} needs a name of the form"):
        VertexStore(*names)
