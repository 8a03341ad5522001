"""The fields of KServe's resources that the manifests use, as JSON schema, written by hand from KServe's documented API.

Its own CRDs are 20,000 lines, in no package that can be installed. What is not listed here is refused, so a new field
is looked up first.
Compared by hand with the models of the Python clients kserve 0.15.2 and 0.21.0, which know every field of these lists
by this name.
"""

NAME = {"type": "string", "pattern": r"^[a-z]([-a-z0-9]*[a-z0-9])?$"}
COUNT = {"type": "integer", "minimum": 0}


def _record(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _resource(version, kind, spec):
    annotations = _record(
        **{"serving.kserve.io/deploymentMode": {"enum": ["Serverless", "Knative", "RawDeployment", "Standard"]}}
    )
    metadata = _record(("name",), name=NAME, namespace=NAME, annotations=annotations)
    head = {"apiVersion": {"const": f"serving.kserve.io/{version}"}, "kind": {"const": kind}}
    return _record(("apiVersion", "kind", "metadata", "spec"), **head, metadata=metadata, spec=spec)


FORMAT = {"name": {"enum": ["tensorflow"]}, "version": {"enum": ["1", "2"]}}
PROTOCOL = {"enum": ["v1", "v2", "grpc-v1", "grpc-v2"]}
MODEL = _record(
    ("modelFormat",),
    modelFormat=_record(("name",), **FORMAT),
    runtime=NAME,
    protocolVersion=PROTOCOL,
    storageUri={"type": "string", "pattern": "^(s3|gs|pvc|hf|oci|https?)://."},
)
PREDICTOR = _record(
    ("model",),
    serviceAccountName=NAME,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    scaleMetric={"enum": ["concurrency", "rps", "cpu", "memory"]},
    scaleTarget={"type": "integer", "minimum": 1},
    timeout={"type": "integer", "minimum": 1},
    canaryTrafficPercent={"type": "integer", "minimum": 0, "maximum": 100},
    model=MODEL,
)
RUNTIME = _record(
    ("supportedModelFormats", "containers"),
    supportedModelFormats={"type": "array", "items": _record(("name",), autoSelect={"type": "boolean"}, **FORMAT)},
    protocolVersions={"type": "array", "items": PROTOCOL},
    # Kubernetes' own: checked as the containers of a pod.
    containers={"type": "array", "minItems": 1, "items": {"type": "object"}},
)
SCHEMAS = {
    "InferenceService": _resource("v1beta1", "InferenceService", _record(("predictor",), predictor=PREDICTOR)),
    "ServingRuntime": _resource("v1alpha1", "ServingRuntime", RUNTIME),
}
