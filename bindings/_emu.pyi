"""The DPDK driver, loaded by worker processes only: one EAL initialisation per process."""

def run(job_json: str) -> str:
    """Runs one job (bindings/README.md) in real time and writes its results; the answer is one JSON
    object with status, validity, fingerprint, model_s (seconds) and frames. Releases the GIL."""

def impair(job_json: str) -> str:
    """Runs one link between two ports until SIGTERM; the answer has counters per direction."""
