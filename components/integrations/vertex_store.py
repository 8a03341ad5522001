"""Fills a feature view of Vertex AI Feature Store, which serves features and vector search online.

    1  load the items into the table PROJECT.DATASET.<launch>_items_<version>, replacing its rows
    2  create the online store, if it does not exist
    3  create a feature view of the version with a vector index, if it does not exist
    4  synchronise the view

Each version has its own table and view, so no stale rows remain and a query reads the view of its version. The requests
are the client library's own messages; `plan` prints them and needs no account.
"""

import contextlib
import dataclasses
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from components.errors import SettingsError
from components.integrations import parquet_file
from components.integrations.sink import library
from components.registry.item_vectors import ITEM, VECTOR, ItemVectors, VectorsError

TYPES, BIGQUERY = "google.cloud.aiplatform_v1", "google.cloud.bigquery"
CREATE_SECONDS = 3_600.0
NEIGHBOURS = 10
_NAMES = {
    "project": r"[a-z][a-z0-9-]{4,28}[a-z0-9]",
    "region": r"[a-z]+-[a-z]+[0-9]+",
    "dataset": r"[A-Za-z0-9_]{1,1024}",
    "store": r"[a-z][a-z0-9_]{0,59}",
}


def cloud_clients(project: str, region: str, endpoint: str) -> tuple[Any, Any]:
    """Creates BigQuery's client and the feature store's admin client, with the machine's default credentials."""
    loading = library(BIGQUERY, "vertex").Client(project=project, location=region)
    return loading, library(TYPES, "vertex").FeatureOnlineStoreAdminServiceClient(
        client_options={"api_endpoint": endpoint}
    )


@dataclasses.dataclass(frozen=True)
class VertexStore:
    """A `Sink` that fills a feature view.

    Attributes:
      project: the cloud project's id.
      region: the region of the online store and of the dataset, such as "europe-west4".
      dataset: an existing BigQuery dataset.
      store: the online store's id.
      clients: creates the clients from project, region and endpoint.
    """

    project: str
    region: str
    dataset: str
    store: str
    clients: Callable[[str, str, str], tuple[Any, Any]] = cloud_clients

    def __post_init__(self) -> None:
        """Checks the names; raises `SettingsError`."""
        for option, pattern in _NAMES.items():
            if not re.fullmatch(pattern, getattr(self, option)):
                raise SettingsError(f"--{option}", getattr(self, option), f"a name of the form {pattern}")

    def plan(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`; contacts nothing."""
        yield f"1  POST https://bigquery.googleapis.com/upload/bigquery/v2/projects/{self.project}/jobs  ({len(vectors):,} rows of Parquet)"
        yield json.dumps({"configuration": self.load_config(vectors).to_api_repr()}, indent=2)
        for number, (method, request) in enumerate(self.requests(vectors), 2):
            yield f"{number}  FeatureOnlineStoreAdminService.{method} at {self.endpoint}"
            yield _to_json(request)
        yield "then ask, at the store's own endpoint: FeatureOnlineStoreService.SearchNearestEntities"
        yield _to_json(self.query(vectors))

    def send(self, vectors: ItemVectors) -> Iterator[str]:
        """See `Sink`."""
        exists = library("google.api_core.exceptions", "vertex").AlreadyExists
        with self._errors():
            loading, admin = self.clients(self.project, self.region, self.endpoint)
            yield self._load(loading, vectors)
            for method, request in self.requests(vectors):
                call = getattr(admin, re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower())
                try:
                    answer = call(request=request)
                except exists:
                    yield f"{method}: already exists"
                    continue
                yield f"{method}: {answer.result(timeout=CREATE_SECONDS).name if hasattr(answer, 'result') else answer.feature_view_sync}"

    @property
    def endpoint(self) -> str:
        """The host of the regional API."""
        return f"{self.region}-aiplatform.googleapis.com"

    def table(self, vectors: ItemVectors) -> str:
        """Returns the BigQuery table of the version."""
        return f"{self.project}.{self.dataset}.{vectors.launch}_items_{vectors.version}"

    def load_config(self, vectors: ItemVectors) -> Any:
        """Returns the configuration of the load job, which replaces all rows of the table."""
        bigquery = library(BIGQUERY, "vertex")
        parquet = bigquery.format_options.ParquetOptions()
        parquet.enable_list_inference = True  # the vector becomes ARRAY<FLOAT64>, which a feature view can index
        config = bigquery.LoadJobConfig(
            source_format="PARQUET", write_disposition="WRITE_TRUNCATE", parquet_options=parquet
        )
        config.labels = {"launch": vectors.launch, "model_version": str(vectors.version)}
        return config

    def requests(self, vectors: ItemVectors) -> list[tuple[str, Any]]:
        """Returns the calls of the admin service in order, as pairs of method and request."""
        types = library(TYPES, "vertex").types
        parent = f"projects/{self.project}/locations/{self.region}"
        store = types.FeatureOnlineStore(optimized=types.FeatureOnlineStore.Optimized())
        return [
            (
                "CreateFeatureOnlineStore",
                types.CreateFeatureOnlineStoreRequest(
                    parent=parent, feature_online_store=store, feature_online_store_id=self.store
                ),
            ),
            (
                "CreateFeatureView",
                types.CreateFeatureViewRequest(
                    parent=f"{parent}/featureOnlineStores/{self.store}",
                    feature_view=self._view(types, vectors),
                    feature_view_id=_view_id(vectors),
                ),
            ),
            ("SyncFeatureView", types.SyncFeatureViewRequest(feature_view=self._view_name(vectors))),
        ]

    def query(self, vectors: ItemVectors) -> Any:
        """Returns an example query: a caller sends the vector from `embed_query`; here it is the first item's."""
        types = library(TYPES, "vertex").types
        embedding = types.NearestNeighborQuery.Embedding(value=vectors.matrix[0].tolist())
        query = types.NearestNeighborQuery(embedding=embedding, neighbor_count=NEIGHBOURS)
        return types.SearchNearestEntitiesRequest(
            feature_view=self._view_name(vectors), query=query, return_full_entity=True
        )

    def _view(self, types: Any, vectors: ItemVectors) -> Any:
        kinds = {name: vectors.table.schema.field(name).type for name in vectors.features}
        index = types.FeatureView.IndexConfig(
            embedding_column=VECTOR,
            embedding_dimension=vectors.dim,
            filter_columns=[name for name, kind in kinds.items() if pa.types.is_string(kind)],
            distance_measure_type=types.FeatureView.IndexConfig.DistanceMeasureType.DOT_PRODUCT_DISTANCE,
            tree_ah_config=types.FeatureView.IndexConfig.TreeAHConfig(),
        )
        source = types.FeatureView.BigQuerySource(uri=f"bq://{self.table(vectors)}", entity_id_columns=[ITEM])
        return types.FeatureView(
            big_query_source=source, index_config=index, labels={"model_version": str(vectors.version)}
        )

    def _view_name(self, vectors: ItemVectors) -> str:
        return f"projects/{self.project}/locations/{self.region}/featureOnlineStores/{self.store}/featureViews/{_view_id(vectors)}"

    def _load(self, client: Any, vectors: ItemVectors) -> str:
        """Loads the table and verifies its row count."""
        content = io.BytesIO()
        parquet_file.write(vectors, content)
        job = client.load_table_from_file(
            content, self.table(vectors), rewind=True, job_config=self.load_config(vectors)
        )
        job.result()
        if job.output_rows != len(vectors):
            raise VectorsError(
                f"BigQuery needs {len(vectors):,} rows in {self.table(vectors)}, it loaded {job.output_rows:,}. The view was not touched."
            )
        return f"{self.table(vectors)}: {job.output_rows:,} rows"

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Converts the cloud's errors to `VectorsError`."""
        refused = library("google.api_core.exceptions", "vertex").GoogleAPIError
        unknown = library("google.auth.exceptions", "vertex").GoogleAuthError
        try:
            yield
        except unknown as error:
            raise VectorsError(
                f"Vertex AI needs credentials: {error} Or look at the requests with --dry-run."
            ) from error
        except refused as error:
            raise VectorsError(
                f"Vertex AI, project {self.project}: {error}. Fix this and run the same command again."
            ) from error


def _to_json(request: Any) -> str:
    """Returns a message as the JSON of the REST API, with a long vector on one line."""
    plain = library("google.protobuf.json_format", "vertex").MessageToDict(type(request).pb(request))
    text = json.dumps(plain, indent=2)
    return re.sub(r"\[[^][{}\"]*\]", lambda numbers: re.sub(r"\s+", " ", numbers.group()), text)


def _view_id(vectors: ItemVectors) -> str:
    return f"{vectors.launch}_items_{vectors.version}"
