"""Proof from the proxies' logs that handshakes were what the workload says: full, or resumed."""

import bed

FULL, RESUMED = ".", "r"


def check(subjects, workload):
    """Fails unless each logged handshake was of TLS 1.3 and of the workload's kind.

    Of resumed ones each connection's first is full, in every run of the load.
    """
    if not workload.handshakes:
        return
    for subject in subjects:
        lines = [line.split() for line in subject.proxy.access_log() if line.startswith("TLS")]
        where = f"{workload.name}: {subject.name}"
        versions = {version for version, *_ in lines}
        bed.check(versions == {"TLSv1.3"}, f"{where}: {versions}")
        full = sum(kind == FULL for _, kind, _ in lines)
        if workload.handshakes == FULL:
            bed.check(full == len(lines), f"{where}: {len(lines) - full} resumed handshakes")
        else:
            # One more is the probe's.
            most = workload.connections * subject.loads + 1
            bed.check(full <= most, f"{where}: {full} of {len(lines)} handshakes were full")
