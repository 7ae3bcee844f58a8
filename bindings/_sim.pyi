"""The ns-3 driver, loaded by worker processes only."""

def run(job_json: str) -> str:
    """Runs one job (bindings/README.md) in model time and writes its results; the answer is one
    JSON object with status, fingerprint, model_s (seconds) and frames. Releases the GIL."""

def replay(job_json: str) -> str:
    """Runs an emulation's turn log again (`log` of the job) without a clock; the answer has the
    chains of every port and the first difference from what the emulation sent."""

def session(job_json: str) -> str:
    """The same in steps: commands and answers are JSON lines over the descriptors of the job's
    `session`."""
