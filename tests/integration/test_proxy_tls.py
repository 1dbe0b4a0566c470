"""`keyway proxy` over TLS, to its clients and to servers that speak nothing else."""

import hashlib
import shutil
import signal
import socket
import ssl
import subprocess

import pytest
import redis

from certificates import Authority
from keyway_home import BAD_INPUT, PROGRAM
from proxies import proxy_before
from waiting import wait_for

PIPELINE = 1000
LARGE_BYTES = 5_000_000
# The files are looked at every 5 s.
RELOAD_S = 20


@pytest.fixture(scope="module", name="authority")
def trusted(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("certificates"))
    for name in ("server", "client", "proxy"):
        setattr(made, name, made.sign(name))
    return made


@pytest.fixture(scope="module", name="servers")
def cluster(make_servers, authority):
    """Three shards that speak TLS only, and want a certificate."""
    mine = authority.server
    made = make_servers(3, ["tls-cluster yes", "tls-replication yes", f"tls-cert-file {mine.file}", f"tls-key-file {mine.key_file}",
                            f"tls-ca-cert-file {authority.file}"], ssl=True, ssl_ca_certs=str(authority.file),
                        ssl_certfile=str(mine.file), ssl_keyfile=str(mine.key_file))
    made.cli(*speak(authority), "--cluster", "create", *made.addresses(range(3)), "--cluster-yes")
    wait_for(lambda: all(made.node(number).cluster("INFO")["cluster_state"] == "ok" for number in range(3)), "the cluster to be whole")
    return made


def speak(authority):
    return ["--tls", "--cacert", authority.file, "--cert", authority.client.file, "--key", authority.client.key_file]


def listen(authority, clients="require", certificate=None):
    certificate = certificate or authority.proxy
    return ["--tls-cert", certificate.file, "--tls-key", certificate.key_file, "--tls-ca", authority.file, "--tls-clients", clients]


def trust(authority, certificate=None, **more):
    """What redis-py is to be told."""
    shown = {"ssl_certfile": str(certificate.file), "ssl_keyfile": str(certificate.key_file)} if certificate else {}
    return {"ssl": True, "ssl_ca_certs": str(authority.file), "ssl_cert_reqs": "required", **shown, **more}


@pytest.fixture(name="proxy")
def before_all(servers, authority):
    with proxy_before(servers, *speak(authority), *listen(authority)) as made:
        yield made


def metric(proxy, name):
    lines = [line for line in proxy.get("metrics").splitlines() if line.startswith(name)]
    return int(lines[0].split()[-1])


def refused(client):
    with pytest.raises((redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)):
        client.ping()
    return True


def test_commands(proxy, authority):
    client = proxy.client(**trust(authority, authority.client))
    client.flushall()
    for number in range(50):
        assert client.set(f"k{number}", number)
    assert client.mget([f"k{number}" for number in range(50)]) == [str(number) for number in range(50)]
    assert client.dbsize() == 50
    with client.pipeline(transaction=True) as transaction:
        assert transaction.set("{t}a", 1).incr("{t}a").execute() == [True, 2]
    listener = client.pubsub()
    listener.subscribe("news")
    assert listener.get_message(timeout=10)["type"] == "subscribe"
    wait_for(lambda: client.publish("news", "hello") >= 1 and listener.get_message(timeout=10)["data"] == "hello", "the message")
    listener.close()
    assert client.blpop("nothing", timeout=1) is None


def test_pipelines_and_large_values(proxy, authority):
    client = redis.Redis(port=proxy.port, socket_timeout=60, **trust(authority, authority.client))
    for turn in range(3):
        pipeline = client.pipeline(transaction=False)
        for number in range(PIPELINE):
            pipeline.set(f"p{number}", f"{turn}-{number}" * 20)
            pipeline.get(f"p{number}")
        assert pipeline.execute()[1::2] == [(f"{turn}-{number}" * 20).encode() for number in range(PIPELINE)]
    large = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(LARGE_BYTES // 32))
    pipeline = client.pipeline(transaction=False)
    for name in "abc":
        pipeline.set(f"large:{name}", large + name.encode())
    for name in "abc":
        pipeline.get(f"large:{name}")
    replies = pipeline.execute()
    assert replies[:3] == [True] * 3
    for name, reply in zip("abc", replies[3:]):
        assert reply == large + name.encode()
    client.delete(*(f"large:{name}" for name in "abc"))


def test_the_engines_own_client(proxy, servers, authority):
    assert servers.cli(*speak(authority), "-p", proxy.port, "SET", "AAA", "10").strip() == "OK"
    assert servers.cli(*speak(authority), "-p", proxy.port, "GET", "AAA").strip() == "10"


def test_who_is_refused(proxy, servers, authority, tmp_path):
    failures = metric(proxy, "keyway_proxy_tls_failures_total")
    others = Authority(tmp_path)
    client = proxy.client(**trust(authority, authority.client))
    assert client.ping()
    assert refused(proxy.client(**trust(authority)))
    assert refused(proxy.client(**trust(authority, others.sign("foreign"))))
    assert refused(proxy.client(**trust(authority, authority.sign("old", days=-1))))
    assert refused(proxy.client(**trust(others, authority.client)))  # by the client itself
    assert refused(proxy.client())
    assert refused(redis.Redis(port=servers.port(0), socket_timeout=10))
    assert client.ping()
    wait_for(lambda: metric(proxy, "keyway_proxy_tls_failures_total") >= failures + 5, "the failures to be counted")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_versions(proxy, authority):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = context_of(authority, authority.client)
        context.minimum_version = context.maximum_version = version
        with connect(proxy, context) as stream:
            assert stream.version() == version.name.replace("_", ".")
            stream.sendall(b"PING\r\n")
            assert stream.recv(100) == b"+PONG\r\n"
    context = context_of(authority, authority.client)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        connect(proxy, context)


def context_of(authority, certificate=None):
    context = ssl.create_default_context(cafile=str(authority.file))
    if certificate:
        context.load_cert_chain(str(certificate.file), str(certificate.key_file))
    return context


def connect(proxy, context):
    return context.wrap_socket(socket.create_connection(("127.0.0.1", proxy.port), timeout=10), server_hostname="127.0.0.1")


def serial(proxy, authority):
    """The number of the certificate that a new connection is shown."""
    with connect(proxy, context_of(authority, authority.client)) as stream:
        return stream.getpeercert()["serialNumber"]


def test_a_goodbye_when_the_proxy_closes(proxy, authority):
    with connect(proxy, context_of(authority, authority.client)) as stream:
        stream.sendall(b"QUIT\r\n")
        assert stream.recv(100) == b"+OK\r\n"
        assert stream.recv(100) == b""  # anything else than a goodbye would be an error


def test_optional_certificates_and_none(servers, authority, tmp_path):
    foreign = Authority(tmp_path).sign("foreign")
    with proxy_before(servers, *speak(authority), *listen(authority, "optional")) as proxy:
        assert proxy.client(**trust(authority)).ping()
        assert proxy.client(**trust(authority, authority.client)).ping()
        assert refused(proxy.client(**trust(authority, foreign)))
    with proxy_before(servers, *speak(authority), *listen(authority, "no")) as proxy:
        assert proxy.client(**trust(authority, foreign)).ping()


def test_one_side_alone(servers, authority):
    with proxy_before(servers, *speak(authority)) as proxy:
        assert proxy.client().set("plain", 1)
        with pytest.raises(ssl.SSLError):
            connect(proxy, context_of(authority))


def configuration(authority, folder, certificate, verify):
    """With paths as they are seen from the configuration's folder."""
    for path in (authority.file, certificate.file, certificate.key_file, authority.client.file, authority.client.key_file):
        shutil.copy(path, folder / path.name)
    return (f"tls:\n  clients: {{certificate: {certificate.file.name}, key: {certificate.key_file.name}, ca: {authority.file.name},"
            f" verify: {verify}}}\n"
            f"  servers: {{ca: {authority.file.name}, certificate: {authority.client.file.name}, key: {authority.client.key_file.name}}}\n")


def test_a_configuration_says_it_and_a_reload_changes_it(servers, authority, tmp_path):
    config = tmp_path / "proxy.yaml"
    config.write_text(configuration(authority, tmp_path, authority.proxy, "require"))
    with proxy_before(servers, "--config", config) as proxy:
        before = proxy.client(**trust(authority, authority.client), single_connection_client=True)
        assert before.set("AAA", "10") and refused(proxy.client(**trust(authority)))
        other = authority.sign("other")
        config.write_text(configuration(authority, tmp_path, other, "optional"))
        first = serial(proxy, authority)
        proxy.process.send_signal(signal.SIGHUP)
        wait_for(lambda: serial(proxy, authority) != first, "the other certificate")
        assert proxy.client(**trust(authority)).get("AAA") == "10" and before.get("AAA") == "10"
        config.write_text(config.read_text().replace(other.key_file.name, authority.client.key_file.name))
        log = proxy.folder / "proxy.log"
        length = len(log.read_text())
        proxy.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "stays as it was" in log.read_text()[length:], "the mistake to be told")
        assert f"{config}: tls.clients: " in log.read_text()[length:]
        assert proxy.client(**trust(authority)).get("AAA") == "10"


@pytest.mark.parametrize("text, message", [
    ("tls: {clients: {certificate: proxy.crt}}\n", ":3:16: tls.clients.key: it is missing"),
    ("tls: {clients: {certificate: nowhere, key: nowhere}}\n", ": tls.clients: cannot read the certificate "),
    ("tls: {servers: {ca: nowhere}}\n", ": tls.servers: cannot read the CA file "),
])
def test_check_names_the_mistake(tmp_path, text, message):
    config = tmp_path / "proxy.yaml"
    config.write_text("listen: 127.0.0.1:0\nseeds: [10.0.0.1:7001]\n" + text)
    done = subprocess.run([PROGRAM, "proxy", "--config", config, "--check"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == BAD_INPUT and f"{config}{message}" in done.stderr


def test_check_says_who_must_show_certificates(authority, tmp_path):
    config = tmp_path / "proxy.yaml"
    config.write_text("listen: 127.0.0.1:0\nseeds: [10.0.0.1:7001]\n" + configuration(authority, tmp_path, authority.proxy, "require"))
    def said():
        return subprocess.run([PROGRAM, "proxy", "--config", config, "--check"], capture_output=True, text=True, timeout=30, check=True).stdout
    assert "to clients, who must show certificates; to servers\n" in said()
    config.write_text(config.read_text().split("tls:", maxsplit=1)[0] + "tls: {servers: {}}\n")
    assert "TLS                     to servers\n" in said()


def test_new_certificates_without_a_restart(servers, authority):
    mine = authority.sign("renewed")
    with proxy_before(servers, *speak(authority), *listen(authority, certificate=mine)) as proxy:
        client = proxy.client(**trust(authority, authority.client), single_connection_client=True)
        number = client.client_id()
        first = serial(proxy, authority)
        mine.replace(authority.sign("next"))
        wait_for(lambda: serial(proxy, authority) != first, "the new certificate to be shown", RELOAD_S)
        second = serial(proxy, authority)
        mine.file.write_text("no certificate")
        wait_for(lambda: metric(proxy, "keyway_proxy_certificate_failures_total") >= 1, "the bad file to be found", RELOAD_S)
        assert serial(proxy, authority) == second
        mine.replace(authority.sign("last"))
        wait_for(lambda: serial(proxy, authority) not in (first, second), "the good file to be used", RELOAD_S)
        assert client.client_id() == number  # the same connection as ever
        assert client.set("AAA", 1)


@pytest.mark.parametrize("flags, told", [
    (["--tls-cert", "CERT"], ["--tls-cert goes with --tls-key"]),
    (["--tls-ca", "CA"], ["--tls-ca goes with --tls-cert"]),
    (["--tls-cert", "CERT", "--tls-key", "KEY", "--tls-clients", "require"], ["--tls-clients goes with --tls-ca"]),
    (["--tls-cert", "CERT", "--tls-key", "KEY", "--tls-ca", "CA", "--tls-clients", "some"], ["--tls-clients", "some"]),
    (["--tls-cert", "/none.pem", "--tls-key", "KEY"], ["--tls-cert", "cannot read the certificate /none.pem"]),
    (["--tls-cert", "CERT", "--tls-key", "OTHER"], ["--tls-key", "OTHER", "does not belong to", "CERT"]),
    (["--tls-cert", "CERT", "--tls-key", "KEY", "--tls-ca", "KEY"], ["--tls-ca", "CA file"]),
    (["--cacert", "CA"], ["--cacert goes with --tls"]),
    (["--tls", "--cert", "CERT"], ["--cert goes with --key"]),
    (["--tls", "--cacert", "/none.pem"], ["--cacert", "/none.pem"]),
])
def test_bad_input(authority, flags, told):
    paths = {"CERT": authority.proxy.file, "KEY": authority.proxy.key_file, "CA": authority.file, "OTHER": authority.client.key_file}
    words = ["proxy", "--listen", "127.0.0.1:0", *(str(paths.get(word, word)) for word in flags), "127.0.0.1:1"]
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == BAD_INPUT
    for part in told:
        assert str(paths.get(part, part)) in done.stderr
