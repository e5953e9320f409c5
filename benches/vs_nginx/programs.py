"""What is compared and what loads it: found, or built from this tree; and the machine's facts."""

import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bed

PACKAGES = {
    "wrk": "wrk", "h2load": "nghttp2-client", "ab": "apache2-utils", "openssl": "openssl",
    "taskset": "util-linux",
}
# Exit status of tests/nginx.
MISSING_PACKAGES = 3


@dataclass(frozen=True)
class Programs:
    """Paths of the binaries; `haproxy` is None where it is not installed."""

    weir: str
    nginx: str
    floor: str
    haproxy: str | None


def find(options):
    """Builds what no option names; fails with the packages that are missing."""
    missing = [package for name, package in PACKAGES.items() if shutil.which(name) is None]
    bed.check(not missing, f"missing programs; apt-get install {' '.join(missing)}")
    haproxy = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    if haproxy is None:
        print("haproxy is left out (apt-get install haproxy)")
    return Programs(
        weir=given(options.weir) or executable("bin", "weir"),
        nginx=given(options.nginx) or nginx(),
        floor=given(options.floor) or executable("bench", "floor"),
        haproxy=haproxy,
    )


def given(path):
    """An option's binary, by its whole path."""
    if path is None:
        return None
    found = shutil.which(path)
    bed.check(found, f"no such program: {path}")
    return str(Path(found).resolve())


def executable(kind, name):
    """Builds a target of this workspace for release; its path comes from cargo's messages."""
    output = cargo(
        "build", "--release", f"--{kind}", name, "--message-format=json-render-diagnostics"
    )
    messages = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    # A bench is built together with the package's binary.
    paths = [
        message["executable"]
        for message in messages
        if message.get("executable") and message["target"]["name"] == name
    ]
    bed.check(len(paths) == 1, f"cargo built {paths}")
    return paths[0]


def nginx():
    """Builds nginx 1.28.3 with -O2, once; what it prints is the path, or the missing packages."""
    helper = ("run", "--release", "--quiet", "--manifest-path", "tests/nginx/Cargo.toml", "--")
    return cargo(*helper, "target/nginx").strip().splitlines()[-1]


def cargo(*arguments):
    """What cargo prints."""
    print(f"$ cargo {' '.join(arguments)}", flush=True)
    done = subprocess.run(["cargo", *arguments], cwd=bed.ROOT, stdout=subprocess.PIPE, text=True)
    missing = done.returncode == MISSING_PACKAGES and arguments[0] == "run"
    bed.check(not missing, f"missing packages; apt-get install {done.stdout.strip()}")
    bed.check(done.returncode == 0, "cargo failed")
    return done.stdout


def facts(programs):
    """The machine and the versions, for the JSON and the page."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "files_on": file_system(tempfile.gettempdir()),
        "weir": version(programs.weir, "-V", r"weir/([\w.+-]+)"),
        "nginx": version(programs.nginx, "-v"),
        "haproxy": programs.haproxy and version(programs.haproxy, "-v"),
        "wrk": version("wrk", "-v"),
        "h2load": version("h2load", "--version"),
        "ab": version("ab", "-V", r"Version (\d+\.\d[\w.+~-]*)"),
        "openssl": version("openssl", "version"),
    }


def file_system(path):
    """Its type: logs and the proxies' temporary files lie on it."""
    return subprocess.run(
        ["stat", "-f", "-c", "%T", path], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


def version(program, option, pattern=r"(\d+\.\d[\w.+~-]*)"):
    """What the program says about itself; None when that says nothing of a version."""
    done = subprocess.run(
        [program, option], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    found = re.search(pattern, done.stdout)
    return found and found[1]
