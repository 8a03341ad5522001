import pytest

from pipeline.cli import main, rollout


def said(capsys, *arguments):
    status = main.main(["rollout", *arguments, "--launch", "shop"])
    return status, capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "patch"),
    [
        (
            ("canary", "17"),
            '{"spec":{"predictor":{"canaryTrafficPercent":10,"model":{"storageUri":"s3://dayone-models/shop/17"}}}}',
        ),
        (
            ("canary", "17", "--percent", "100", "--store", "gs://models/"),
            '{"spec":{"predictor":{"canaryTrafficPercent":null,"model":{"storageUri":"gs://models/shop/17"}}}}',
        ),
        (("promote",), '{"spec":{"predictor":{"canaryTrafficPercent":null}}}'),
        (("abort",), '{"spec":{"predictor":{"canaryTrafficPercent":0}}}'),
    ],
)
def test_a_dry_run_prints_the_command(capsys, arguments, patch):
    status, out = said(capsys, *arguments, "--namespace", "ml", "--dry-run")
    assert status == 0
    assert out.out == f"kubectl patch inferenceservice shop --namespace ml --type merge --patch '{patch}'\n"


def test_the_control_is_a_service_and_a_folder_of_its_own(capsys):
    status, out = said(capsys, "canary", "17", "--percent", "100", "--control", "--dry-run")
    assert status == 0
    assert "inferenceservice shop-control " in out.out and "s3://dayone-models/shop_control/17" in out.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("canary", "17", "--percent", "0"), "setting --percent needs an integer from 1 to 100, got 0."),
        (("canary", "17", "--percent", "101"), "setting --percent needs an integer from 1 to 100, got 101."),
        (("canary", "17", "--store", "models"), "setting --store needs a URI such as s3://bucket"),
        (("canary", "-1"), "setting VERSION needs the number of a version, got -1."),
    ],
)
def test_a_mistake_is_told_before_anything_is_moved(capsys, arguments, message):
    status, out = said(capsys, *arguments)
    assert status == 1 and message in out.err


def program(folder, body):
    path = folder / "kubectl"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_what_kubectl_answers_is_shown(tmp_path, monkeypatch, capsys):
    program(tmp_path, 'echo "inferenceservice.serving.kserve.io/$3 patched"')
    monkeypatch.setenv("PATH", str(tmp_path))
    assert said(capsys, "promote")[1].out == "inferenceservice.serving.kserve.io/shop patched\n"


def test_what_kubectl_refuses_is_told_without_its_attempts(tmp_path, monkeypatch, capsys):
    program(tmp_path, "echo attempt 1 >&2; echo 'Error: not found' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    status, out = said(capsys, "abort")
    assert status == 1
    assert out.err.startswith(
        "error: kubectl refused: Error: not found\nThe command: kubectl patch inferenceservice shop"
    )


def test_without_kubectl_the_way_out_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, out = said(capsys, "promote")
    assert (
        status == 1 and "rollout needs kubectl on the PATH, got: No such file or directory. Or use --dry-run" in out.err
    )


def test_a_kubectl_that_hangs_is_given_up(tmp_path):
    program(tmp_path, "exec /bin/sleep 30")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rollout, "KUBECTL_SECONDS", 0.5)
        with pytest.raises(rollout.RolloutError, match=r"did not answer within 0.5 s"):
            rollout.run([str(tmp_path / "kubectl")])
