"""Certificates, made by openssl for as long as the program runs."""

import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import bed

P256, RSA = "p256", "rsa-2048"
KEYS = {
    P256: ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    RSA: ("-newkey", "rsa:2048"),
}
DAYS = 2


@contextmanager
def made():
    """By name, the path of a file with a self-signed certificate and its key."""
    with tempfile.TemporaryDirectory(prefix="weir-certificates-") as directory:
        yield {name: make(Path(directory) / f"{name}.pem", key) for name, key in KEYS.items()}


def make(path, key):
    """Writes both into one file, as haproxy wants them; nginx takes them so, too."""
    certificate, private = path.with_suffix(".crt"), path.with_suffix(".key")
    done = subprocess.run(
        ["openssl", "req", "-x509", *key, "-nodes", "-days", str(DAYS), "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", private, "-out", certificate],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )
    bed.check(done.returncode == 0, f"openssl makes no certificate: {done.stderr}")
    path.write_text(certificate.read_text() + private.read_text())
    return path
