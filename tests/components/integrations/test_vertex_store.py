import dataclasses
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

# The client library takes as long to import as TensorFlow, and TFX imports it anyway.
pytestmark = pytest.mark.tensorflow
pytest.importorskip("google.cloud.aiplatform", reason="the extra `vertex` is not installed")

from google.auth.exceptions import DefaultCredentialsError  # noqa: E402
from google.protobuf import json_format  # noqa: E402
from small_vectors import vectors  # noqa: E402
from small_vertex import Cloud, serving  # noqa: E402

from components.errors import SettingsError  # noqa: E402
from components.integrations.vertex_store import VertexStore  # noqa: E402
from components.registry.item_vectors import VectorsError  # noqa: E402

STORE = VertexStore("my-project", "europe-west4", "recs", "shop_online")
VIEW = "projects/my-project/locations/europe-west4/featureOnlineStores/shop_online/featureViews/shop_items_7"


def rich():
    return vectors(kind=pa.array(["mug", "hat", None, "mug"]), price=pa.array([1.5, 2.0, 3.0, None], pa.float32()))


def dry_run():
    """The JSON bodies of a dry run, in order."""
    return [json.loads(text) for text in STORE.plan(rich()) if text.startswith("{")]


def test_the_load_replaces_all_rows_of_the_table():
    load = dry_run()[0]["configuration"]

    assert load["load"] == {
        "sourceFormat": "PARQUET",
        "writeDisposition": "WRITE_TRUNCATE",
        "parquetOptions": {"enableListInference": True},
    }
    assert load["labels"] == {"launch": "shop", "model_version": "7"}
    assert STORE.table(rich()) == "my-project.recs.shop_items_7"


def test_the_view_indexes_the_vector_and_filters_by_text():
    assert dry_run()[1] == {
        "parent": "projects/my-project/locations/europe-west4",
        "featureOnlineStore": {"optimized": {}},
        "featureOnlineStoreId": "shop_online",
    }
    view = dry_run()[2]
    assert (view["parent"], view["featureViewId"]) == (VIEW.rpartition("/featureViews/")[0], "shop_items_7")
    assert view["featureView"]["bigQuerySource"] == {
        "uri": "bq://my-project.recs.shop_items_7",
        "entityIdColumns": ["item_id"],
    }
    assert view["featureView"]["indexConfig"] == {
        "embeddingColumn": "vector",
        "embeddingDimension": 3,
        "filterColumns": ["kind"],
        "distanceMeasureType": "DOT_PRODUCT_DISTANCE",
        "treeAhConfig": {},
    }


def test_the_view_is_synchronised_last_and_then_queried():
    assert dry_run()[3] == {"featureView": VIEW}
    assert dry_run()[4] == {
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


def rows_of(content):
    return pq.read_table(io.BytesIO(content)).num_rows


def test_a_run_sends_the_requests_that_the_dry_run_prints():
    cloud = Cloud(rows=rows_of)
    with serving(cloud) as clients:
        lines = list(dataclasses.replace(STORE, clients=clients).send(rich()))

    configuration = cloud.job["configuration"]
    assert configuration["load"].pop("destinationTable") == {
        "projectId": "my-project",
        "datasetId": "recs",
        "tableId": "shop_items_7",
    }
    assert configuration == dry_run()[0]["configuration"]
    rows = pq.read_table(io.BytesIO(cloud.content)).to_pylist()
    assert rows[1] == {
        "item_id": "i1",
        "title": "Item i1",
        "active": True,
        "vector": [0.0, 1.0, 0.0],
        "kind": "hat",
        "price": 2.0,
        "model_version": 7,
    }
    assert [
        json.loads(json_format.MessageToJson(type(request).pb(request))) for _, request in cloud.calls
    ] == dry_run()[1:4]
    assert lines == [
        "my-project.recs.shop_items_7: 4 rows",
        "CreateFeatureOnlineStore: made by CreateFeatureOnlineStore",
        "CreateFeatureView: made by CreateFeatureView",
        f"SyncFeatureView: {VIEW}/featureViewSyncs/1",
    ]


def test_an_existing_store_or_view_is_used_and_synchronised_again():
    cloud = Cloud(existing=("CreateFeatureOnlineStore", "CreateFeatureView"), rows=rows_of)
    with serving(cloud) as clients:
        lines = list(dataclasses.replace(STORE, clients=clients).send(rich()))

    assert lines[1:3] == ["CreateFeatureOnlineStore: already exists", "CreateFeatureView: already exists"]
    assert cloud.calls[-1][0] == "SyncFeatureView"


def test_a_table_that_lacks_rows_does_not_reach_the_view():
    cloud = Cloud(rows=lambda content: rows_of(content) - 1)
    with (
        serving(cloud) as clients,
        pytest.raises(
            VectorsError, match=r"needs 4 rows in my-project.recs.shop_items_7, it loaded 3. The view was not"
        ),
    ):
        list(dataclasses.replace(STORE, clients=clients).send(rich()))

    assert cloud.calls == []


def test_without_credentials_the_dry_run_is_named(monkeypatch):
    def none(*_):
        raise DefaultCredentialsError("no credentials")

    with pytest.raises(
        VectorsError, match="Vertex AI needs credentials: no credentials Or look at the requests with --dry-run"
    ):
        list(dataclasses.replace(STORE, clients=none).send(rich()))


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
