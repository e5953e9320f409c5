"""Which core runs what."""

PROXY_CORE, LOAD_CORE = 0, 1


def pinned(*cores):
    """The start of a command line that keeps a program on `cores`."""
    return "taskset", "-c", ",".join(map(str, cores))
