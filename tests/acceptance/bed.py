"""A proxy under test: its prefix, its configuration, its processes and their memory."""

import ctypes
import fcntl
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 10
STOP_SECONDS = 30


class Failed(Exception):
    """What was promised does not hold."""


def check(holds, text):
    """Raises `Failed(text)` unless `holds`."""
    if not holds:
        raise Failed(text)


def free_port():
    """A TCP port of 127.0.0.1 that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def allow_files(count):
    """Raises this process's limit of open files, which children inherit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        if os.geteuid() != 0:
            raise Failed(f"{count} open files are needed, the hard limit is {hard}")
        hard = count
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def own_network():
    """Moves this process into a network namespace of its own, where every port is free.

    Without the privilege it stays where it is.
    """
    new_network, set_flags, up_and_running = 0x40000000, 0x8914, 0x41
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(new_network) != 0:
        return
    with socket.socket() as any_socket:
        request = struct.pack("16sh14x", b"lo", up_and_running)
        fcntl.ioctl(any_socket, set_flags, request)


def own_hosts(path):
    """Shows this process and those that it starts `path` as /etc/hosts; whether that worked."""
    new_mounts, private, bind = 0x20000, 1 << 18 | 1 << 14, 4096
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(new_mounts) != 0 or libc.mount(None, b"/", None, private, None) != 0:
        return False
    return libc.mount(os.fsencode(path), b"/etc/hosts", None, bind, None) == 0


class Proxy:
    """A running proxy; a context manager that stops it.

    `conf` is the text of its configuration, or the path of one; `ports` are those that it is to
    listen on.
    """

    def __init__(self, binary, conf, ports, command=()):
        self.prefix = Path(tempfile.mkdtemp(prefix="weir-acceptance-"))
        # nginx's workers give up root, and need to reach their temporary files.
        self.prefix.chmod(0o755)
        (self.prefix / "logs").mkdir()
        self.conf = conf if isinstance(conf, Path) else self.prefix / "proxy.conf"
        if self.conf is not conf:
            self.conf.write_text(conf)
        self.output = open(self.prefix / "output", "ab")
        self.process = subprocess.Popen(
            [*command, *self.command_line(binary)],
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
        )
        try:
            for port in ports:
                self._await_listener(port)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def command_line(self, binary):
        """How nginx and weir are started."""
        return [binary, "-p", f"{self.prefix}/", "-c", str(self.conf)]

    def _await_listener(self, port):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise Failed(f"nothing listens on port {port}: {self.said()}")

    def said(self):
        """What the proxy wrote to its terminal and its error log, the last lines of it."""
        self.output.flush()
        text = (self.prefix / "output").read_text(errors="replace")
        log = self.prefix / "logs" / "error.log"
        if log.exists():
            text += log.read_text(errors="replace")
        return "\n".join(text.splitlines()[-8:])

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=STOP_SECONDS):
        """Exit status of the proxy, which has been asked to end."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"the proxy still runs {seconds} s after it was asked to end") from None

    def pids(self):
        """The process that was started and its children."""
        return [self.process.pid, *children(self.process.pid)]

    def resident(self, field="VmRSS"):
        """Bytes of memory, over all processes: VmRSS is now, VmHWM the peak, Pss what they do not share."""
        return sum(status_bytes(pid, field) for pid in self.pids())

    def open_files(self):
        """Descriptors of all processes."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self.pids())

    def threads(self):
        """Of all processes."""
        return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in self.pids())

    def error_log(self):
        """What stands in `logs/error.log`."""
        return (self.prefix / "logs" / "error.log").read_text(errors="replace")

    def cpu_seconds(self):
        """CPU time that all processes have used."""
        return sum(cpu_ticks(pid) for pid in self.pids()) / os.sysconf("SC_CLK_TCK")

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()
        shutil.rmtree(self.prefix, ignore_errors=True)


def children(parent):
    """Processes whose parent is `parent`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found.append(int(entry.name))
    return found


def status_bytes(pid, field):
    file = "smaps_rollup" if field == "Pss" else "status"
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def cpu_ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def python(script, *arguments):
    """Starts one of this folder's programs and returns it once it has said a line: its port."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    check(line.strip().isdigit(), f"{script} did not start")
    return process, int(line)


def ask(process):
    """The number that a program started by `python` says when asked."""
    process.stdin.write("\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def stop(process):
    """Ends a program that `python` started."""
    process.terminate()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def run(main, default_binary=ROOT / "target/release/weir"):
    """Calls `main(binary, arguments)` with the command line; a broken promise is exit status 1."""
    arguments = sys.argv[1:]
    binary = arguments.pop(0) if arguments else default_binary
    resolved = shutil.which(str(binary))
    if resolved is None:
        sys.exit(f"no such program: {binary} (build it: cargo build --release)")
    try:
        main(str(Path(resolved).resolve()), arguments)
    except Failed as failed:
        sys.exit(f"FAILED: {failed}")
