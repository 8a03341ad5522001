"""What goes wrong between kfp's client and the server, as a person and a script see it; and the stand-in for the server itself."""

import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request

import kfp_server_api
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kubeflow_server import API, LISTS, KubeflowServer, refusal, tasks
from small_package import package_text

from pipeline.cli import main
from pipeline.kubeflow import client, errors, run_state
from pipeline.settings import KubeflowServer as Address

HTML = {"Content-Type": "text/html"}


@pytest.fixture
def server():
    with KubeflowServer() as server:
        yield server


def status_of(address, capsys, *arguments):
    """Exit status and the one message of `status`."""
    status = main.main([*(arguments or ("status",)), "--launch", "shop", "--host", address])
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and "Traceback" not in captured.err and captured.out == ""
    return status, captured.err


FAILURES = [
    (
        refusal(401, 16, "Unauthorized: no token"),
        10,
        "401: Unauthorized: no token. Give a token that may do this: DAYONE_KFP_TOKEN",
    ),
    (refusal(403, 7, "User 'a' is not authorized"), 10, "403: User 'a' is not authorized"),
    ((302, {"Location": "/dex/auth"}, ""), 10, "sends to another page (302), such as a login"),
    (refusal(404, 5, "experiment not found"), 11, "404: experiment not found. Check id, name, namespace"),
    (refusal(409, 6, "already exists"), 12, "409: already exists"),
    (
        refusal(500, 13, "Internal Server Error: database is locked"),
        13,
        "500: Internal Server Error: database is locked. The log of the pod ml-pipeline",
    ),
    ((502, HTML, "<html>Bad Gateway</html>"), 13, "502: <html>Bad Gateway</html>"),
    (refusal(400, 3, "Invalid input error: bad filter"), 17, "400: Invalid input error: bad filter"),
    (
        (200, HTML, "<html>sign in</html>"),
        17,
        "the answer is text/html, not JSON. Check that the address is that of Kubeflow Pipelines' API",
    ),
]


@pytest.mark.parametrize(
    ("failure", "status", "said"), FAILURES, ids=[f"{failure[0]}-{status}" for failure, status, _ in FAILURES]
)
def test_a_refusal_is_one_message_and_an_exit_status_of_its_own(server, capsys, failure, status, said):
    server.failures["GET", "/experiments"] = failure
    got, message = status_of(server.url, capsys)
    assert got == status
    assert f"error: GET {server.url}/apis/v2beta1/experiments: " in message and said in message
    assert len(server.asked) == 1


def test_an_upload_that_is_in_the_way_is_told_in_the_servers_words(server, capsys, tmp_path):
    (tmp_path / "shop.yaml").write_text(package_text())
    server.failures["POST", "/pipelines/upload_version"] = (
        409,
        {"Content-Type": "application/json"},
        '{"error_message":"The name shop already exist."}',
    )
    status, message = status_of(server.url, capsys, "submit", "--file", str(tmp_path / "shop.yaml"))
    assert status == 12 and "409: The name shop already exist. See what exists" in message


def test_an_answer_that_does_not_come_ends_in_time_and_is_not_asked_for_again(server, capsys, monkeypatch):
    monkeypatch.setenv("DAYONE_KFP_TIMEOUT", "1")
    server.failures["GET", "/experiments"] = 3
    began = time.monotonic()
    status, message = status_of(server.url, capsys)
    assert time.monotonic() - began < 2.5
    assert status == 14 and "no answer in 1 s. It may have been done nevertheless" in message
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_told(capsys):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        status, message = status_of(f"http://127.0.0.1:{listener.getsockname()[1]}", capsys)
    assert status == 15 and "cannot be reached ([Errno 111] Connection refused)" in message
    status, message = status_of("http://nowhere.invalid", capsys)
    assert status == 15 and "cannot be reached" in message


def test_a_connection_that_breaks_off_is_told(capsys):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def hang_up():
            connection, _ = listening.accept()
            connection.recv(1000)
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        status, message = status_of(f"http://127.0.0.1:{listening.getsockname()[1]}", capsys)
    assert status == 15 and "cannot be reached" in message


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate for localhost that signs itself: the PEM file with it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]), dt.datetime.now(dt.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    )
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    builder = builder.add_extension(names, critical=False).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    file = tmp_path_factory.mktemp("tls") / "authority.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return file


def test_a_certificate_is_trusted_by_the_authority_that_is_named_and_no_other(authority, capsys, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority)
    with KubeflowServer(tls=context) as server:
        status, message = status_of(server.url, capsys)
        assert (
            status == 16
            and "is not trusted" in message
            and "Name the authority that signed it: DAYONE_KFP_CA." in message
        )
        assert server.asked == []
        monkeypatch.setenv("DAYONE_KFP_CA", str(authority))
        assert main.main(["status", "--launch", "shop", "--host", server.url]) == 0
        assert server.requests() == ["GET /experiments"]


def test_passwords_in_an_address_are_not_shown(server, capsys):
    server.failures["GET", "/experiments"] = refusal(500, 13, "no")
    _, message = status_of(server.url.replace("http://", "http://me:secret@"), capsys)
    assert "secret" not in message


def test_every_exit_status_is_one_of_those_in_the_help():
    used = (
        {status for _, status, _ in FAILURES}
        | {12, 14, 15, 16}
        | set(run_state.ENDED.values())
        | {errors.EXIT_NOT_ENDED}
    )
    assert used | {main.EXIT_ERROR, main.EXIT_STOPPED, 2} == set(errors.EXITS)


def test_a_client_asks_nothing_before_it_is_asked_and_touches_no_file_at_home(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    client.connect(Address(host=server.url))
    assert server.asked == [] and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("release", "told"), [("2.17.0", (2, 17, 0)), ("2.5.0", (2, 5, 0)), ("3.0.0", None), ("dev", None)]
)
def test_the_release_is_told_by_the_old_api_which_3_lacks(server, release, told):
    server.release = release
    assert client.connect(Address(host=server.url)).release() == (None if release >= "3" else told)


def test_all_pages_of_a_list_are_read(server):
    for number in range(250):
        server.add("experiments", display_name=str(number))
    listed = client.connect(Address(host=server.url)).list_all("/experiments", "experiments")
    assert sorted(int(item["display_name"]) for item in listed) == list(range(250))
    assert len(server.asked) == 3


MODELS = {
    "pipelines": kfp_server_api.V2beta1Pipeline,
    "versions": kfp_server_api.V2beta1PipelineVersion,
    "experiments": kfp_server_api.V2beta1Experiment,
    "runs": kfp_server_api.V2beta1Run,
    "recurringruns": kfp_server_api.V2beta1RecurringRun,
}


def test_the_stand_in_speaks_as_the_generated_client_of_the_api_expects(server, tmp_path, capsys):
    (tmp_path / "shop.yaml").write_text(package_text())
    for command in (("submit",), ("schedule", "0 4 * * *")):
        assert main.main([*command, "--file", str(tmp_path / "shop.yaml"), "--host", server.url]) == 0
    for kind, model in MODELS.items():
        fields = set(model.attribute_map.values())
        assert server.things[kind] and not [set(thing) - fields for thing in server.things[kind] if set(thing) - fields]
    answers = {"pipelines": "Pipelines", "experiments": "Experiments", "runs": "Runs", "recurringruns": "RecurringRuns"}
    for kind, key in LISTS.items():
        assert key in getattr(kfp_server_api, f"V2beta1List{answers[kind]}Response").attribute_map.values()
    *_, detail, _ = tasks(trainer="RUNNING")["run_details"]["task_details"]
    assert set(detail) <= set(kfp_server_api.V2beta1PipelineTaskDetail.attribute_map.values())


def test_the_stand_in_checks_parameters_by_kind_as_the_server_does(server, tmp_path):
    (tmp_path / "shop.yaml").write_text(package_text())
    assert main.main(["submit", "--file", str(tmp_path / "shop.yaml"), "--host", server.url]) == 0
    (body,) = server.bodies("POST", "/runs")

    def send(epochs):
        content = json.dumps(body | {"runtime_config": {"parameters": {"epochs": epochs}}}).encode()
        request = urllib.request.Request(f"{server.url}{API}/runs", content, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return answer.status

    assert (send(3), send(3.5)) == (200, 200)
    for wrong in ("3", True):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            send(wrong)
