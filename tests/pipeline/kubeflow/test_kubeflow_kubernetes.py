import pytest

from pipeline.kubeflow.kubernetes import executor_problems

GOOD = {
    "imagePullPolicy": "Always",
    "activeDeadlineSeconds": 60,
    "nodeSelector": {"labels": {"pool": "gpu"}},
    "tolerations": [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 5}],
    "pvcMount": [{"constant": "data", "mountPath": "/data"}],
    "imagePullSecret": [{"secretName": "registry"}],
    "securityContext": {"runAsUser": 1000, "runAsGroup": 1000, "runAsNonRoot": True},
    "secretAsEnv": [{"secretName": "store", "keyToEnv": [{"secretKey": "token", "envVar": "TOKEN"}]}],
}


def test_what_we_write_has_no_problems():
    assert list(executor_problems("executor", GOOD)) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"imagePolicy": "Always"}, "executor has the unknown field 'imagePolicy'"),
        ({"activeDeadlineSeconds": "60s"}, "executor.activeDeadlineSeconds must be of type int, got '60s'"),
        (
            {"nodeSelector": {"labels": {"pool": 1}}},
            "executor.nodeSelector.labels must be labels, all text, got {'pool': 1}",
        ),
        ({"nodeSelector": {"pool": "gpu"}}, "executor.nodeSelector has the unknown field 'pool'"),
        ({"tolerations": {"key": "gpu"}}, "executor.tolerations must be a list, got {'key': 'gpu'}"),
        ({"pvcMount": [{"claim": "data"}]}, "executor.pvcMount[0] has the unknown field 'claim'"),
        ({"securityContext": {"runAsUser": True}}, "executor.securityContext.runAsUser must be of type int, got True"),
        ({"securityContext": {"fsGroup": 1000}}, "executor.securityContext has the unknown field 'fsGroup'"),
        ({"pvcMount": ["data"]}, "executor.pvcMount[0] must be a message, got 'data'"),
        (
            {"secretAsEnv": [{"keyToEnv": [{"envVar": True}]}]},
            "executor.secretAsEnv[0].keyToEnv[0].envVar must be of type str, got True",
        ),
    ],
)
def test_a_wrong_field_is_told_by_its_place(wrong, said):
    assert list(executor_problems("executor", {**GOOD, **wrong})) == [said]
