"""How the server of Kubeflow Pipelines checks the parameters of a run (`backend/src/apiserver/template/v2_template.go`): by kind, not by value."""

KINDS = {
    "NUMBER_INTEGER": ("double or integer", (int, float)),
    "NUMBER_DOUBLE": ("double or integer", (int, float)),
    "STRING": ("string", str),
    "BOOLEAN": ("bool", bool),
    "LIST": ("list", list),
    "STRUCT": ("struct", dict),
}


def refusal_of(versions, body):
    """Why a run of one of these versions is refused for its parameters; "" if it is not. 3.5 passes for an integer, a text for a number does not."""
    name = body.get("pipeline_version_reference", {}).get("pipeline_version_id")
    version = next((made for made in versions if made["pipeline_version_id"] == name), {})
    spec = version.get("pipeline_spec", {}).get("pipeline_spec", {})
    declared = spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    given = body.get("runtime_config", {}).get("parameters", {})
    for name, parameter in declared.items():
        words, kinds = KINDS[parameter["parameterType"]]
        if name not in given:
            if not parameter.get("isOptional") and "defaultValue" not in parameter:
                return f"parameter {name} is not optional, yet has neither default value nor user provided value"
        elif not isinstance(given[name], kinds) or (isinstance(given[name], bool) and kinds is not bool):
            return f"input parameter {name} requires type {words}, but the parameter value is not of that type"
    unknown = sorted(set(given) - set(declared))
    return (
        f"parameter(s) provided are not required by the pipeline: {', '.join(unknown)}" if declared and unknown else ""
    )
