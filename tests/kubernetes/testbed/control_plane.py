"""etcd, the API server, the controllers and the scheduler of a testbed, their certificates, and the administrator's kubeconfig."""

import json
import ssl
import subprocess
import urllib.request

import network
from waiting import wait_for

PORT = 6443
SERVER = f"https://{network.GATEWAY}:{PORT}"
TOKEN = "keyway-testbed-admin"
ISSUER = "https://kubernetes.default.svc"
NAMES = ("IP:" + network.GATEWAY, "IP:127.0.0.1", "IP:" + network.FIRST_SERVICE, "DNS:kubernetes", "DNS:kubernetes.default",
         "DNS:kubernetes.default.svc")
ETCD = "http://127.0.0.1:2379"
# What pods ask of the API server is written down, a line each, so that tests can count it; nothing else is.
AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
    {"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]}


def openssl(*words, text=None):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, input=text, text=True)


def make_certificates(pki):
    """The authority, the API server's certificate, the key that service accounts' tokens are signed with, and the administrator."""
    pki.mkdir()
    ec_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *ec_key, "-keyout", pki / "ca.key", "-out", pki / "ca.crt", "-days", 30, "-subj", "/CN=keyway-testbed")
    openssl("req", *ec_key, "-keyout", pki / "api.key", "-out", pki / "api.csr", "-subj", "/CN=kube-apiserver")
    (pki / "api.extensions").write_text(f"subjectAltName={','.join(NAMES)}\n", encoding="utf-8")
    openssl("x509", "-req", "-in", pki / "api.csr", "-CA", pki / "ca.crt", "-CAkey", pki / "ca.key", "-CAcreateserial",
            "-out", pki / "api.crt", "-days", 30, "-extfile", pki / "api.extensions")
    openssl("genrsa", "-out", pki / "sa.key", 2048)
    openssl("rsa", "-in", pki / "sa.key", "-pubout", "-out", pki / "sa.pub")
    (pki / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n', encoding="utf-8")


def write_kubeconfig(home):
    (home / "kubeconfig").write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "testbed",
        "clusters": [{"name": "testbed", "cluster": {"server": SERVER, "certificate-authority": str(home / "pki" / "ca.crt")}}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "admin"}}]}), encoding="utf-8")


def request(home, path, method="GET", body=None, content_type="application/json", timeout_s=20):
    """Opens PATH of the API as the administrator; the response is a context. Raises urllib.error.HTTPError and OSError."""
    asked = urllib.request.Request(SERVER + path, method=method, data=None if body is None else json.dumps(body).encode(), headers={
        "Authorization": f"Bearer {TOKEN}", "Content-Type": content_type})
    context = ssl.create_default_context(cafile=home / "pki" / "ca.crt")
    return urllib.request.urlopen(asked, timeout=timeout_s, context=context)


def api_ready(home):
    try:
        with request(home, "/readyz") as response:
            return response.status == 200
    except OSError:
        return False


def start(home, programs, services):
    """Returns when the API answers. `programs` is the folder of Kubernetes' own."""
    pki = home / "pki"
    make_certificates(pki)
    write_kubeconfig(home)
    (home / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY), encoding="utf-8")
    services.start("etcd", ["etcd", "--data-dir", home / "etcd", "--unsafe-no-fsync", "--listen-client-urls", ETCD,
                            "--advertise-client-urls", ETCD, "--listen-peer-urls", "http://127.0.0.1:2380"])
    services.start("apiserver", [
        programs / "kube-apiserver", f"--etcd-servers={ETCD}", f"--secure-port={PORT}", f"--advertise-address={network.GATEWAY}",
        f"--tls-cert-file={pki}/api.crt", f"--tls-private-key-file={pki}/api.key", f"--token-auth-file={pki}/tokens.csv",
        "--authorization-mode=Node,RBAC", f"--service-account-key-file={pki}/sa.pub",
        f"--service-account-signing-key-file={pki}/sa.key", f"--service-account-issuer={ISSUER}", f"--api-audiences={ISSUER}",
        f"--service-cluster-ip-range={network.SERVICES}", "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP", f"--audit-policy-file={home}/audit-policy.json",
        f"--audit-log-path={home}/log/audit.log", "--audit-log-format=json"])
    wait_for(lambda: api_ready(home), f"the API server; see {home}/log/apiserver.log", 90)
    often = ("--leader-elect=false", "--kube-api-qps=200", "--kube-api-burst=400", f"--kubeconfig={home}/kubeconfig")
    # A node that is gone is noticed, and its pods are replaced, in seconds where the defaults take minutes.
    services.start("controller-manager", [
        programs / "kube-controller-manager", *often, f"--service-account-private-key-file={pki}/sa.key",
        f"--root-ca-file={pki}/ca.crt", "--node-monitor-grace-period=16s", "--pod-eviction-timeout=10s"])
    services.start("scheduler", [programs / "kube-scheduler", *often])
