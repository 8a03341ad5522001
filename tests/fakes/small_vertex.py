"""BigQuery's load API over HTTP and Vertex AI's feature store admin service over gRPC, on ports of this machine.

They keep the requests and answer as the real ones do without failures; `existing` names the existing resources.
"""

import contextlib
import json
import re
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1, bigquery
from google.cloud.aiplatform_v1.services.feature_online_store_admin_service import transports
from google.longrunning import operations_pb2

ADMIN = "google.cloud.aiplatform.v1.FeatureOnlineStoreAdminService"
CREATED = {"CreateFeatureOnlineStore": aiplatform_v1.FeatureOnlineStore, "CreateFeatureView": aiplatform_v1.FeatureView}


class Cloud:
    """The requests: the load job and its bytes, and the admin service's requests in order."""

    def __init__(self, existing=(), rows=None):
        self.existing, self.rows = existing, rows
        self.job, self.content, self.calls = None, b"", []

    def made(self, method, request, context):
        """Answers one method of the admin service."""
        self.calls.append((method, request))
        if method == "SyncFeatureView":
            return aiplatform_v1.SyncFeatureViewResponse(feature_view_sync=f"{request.feature_view}/featureViewSyncs/1")
        if method in self.existing:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "it is there")
        operation = operations_pb2.Operation(name=f"{request.parent}/operations/1", done=True)
        operation.response.Pack(CREATED[method].pb(CREATED[method](name=f"made by {method}")))
        return operation

    def handlers(self):
        def unary(method, request_type, serializer):
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: self.made(method, request, context), request_type.deserialize, serializer
            )

        long = operations_pb2.Operation.SerializeToString
        return grpc.method_handlers_generic_handler(
            ADMIN,
            {
                "CreateFeatureOnlineStore": unary(
                    "CreateFeatureOnlineStore", aiplatform_v1.CreateFeatureOnlineStoreRequest, long
                ),
                "CreateFeatureView": unary("CreateFeatureView", aiplatform_v1.CreateFeatureViewRequest, long),
                "SyncFeatureView": unary(
                    "SyncFeatureView",
                    aiplatform_v1.SyncFeatureViewRequest,
                    aiplatform_v1.SyncFeatureViewResponse.serialize,
                ),
            },
        )


def _bigquery_handler(cloud):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def body(self):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def send(self, answer, **headers):
            content = json.dumps(answer).encode()
            self.send_response(200)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def finished(self):
            rows = cloud.rows(cloud.content)
            statistics = {"load": {"outputRows": str(rows)}, "creationTime": "1", "startTime": "1", "endTime": "2"}
            reference = cloud.job["jobReference"]
            return {
                **cloud.job,
                "id": reference["jobId"],
                "jobReference": reference,
                "status": {"state": "DONE"},
                "statistics": statistics,
            }

        def do_POST(self):
            assert re.fullmatch(r"/upload/bigquery/v2/projects/my-project/jobs\?uploadType=resumable.*", self.path), (
                self.path
            )
            cloud.job = json.loads(self.body())
            self.send({}, Location=f"http://127.0.0.1:{self.server.server_address[1]}/upload/session")

        def do_PUT(self):
            cloud.content += self.body()
            self.send(self.finished())

        def do_GET(self):
            self.send(self.finished())

    return Handler


@contextlib.contextmanager
def serving(cloud):
    """Serves both; yields a function that makes the two clients, as `vertex_store.cloud_clients` does."""
    web = ThreadingHTTPServer(("127.0.0.1", 0), _bigquery_handler(cloud))
    threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((cloud.handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def clients(project, region, endpoint):
        options = ClientOptions(api_endpoint=f"http://127.0.0.1:{web.server_address[1]}")
        transport = transports.FeatureOnlineStoreAdminServiceGrpcTransport(
            channel=channel, credentials=AnonymousCredentials()
        )
        loading = bigquery.Client(project, AnonymousCredentials(), location=region, client_options=options)
        return loading, aiplatform_v1.FeatureOnlineStoreAdminServiceClient(transport=transport)

    try:
        yield clients
    finally:
        channel.close()
        server.stop(0).wait(5)
        web.shutdown()
        web.server_close()
