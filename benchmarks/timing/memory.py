"""What a process has in memory, now and at its peak."""

import ctypes
import gc
import sys
from pathlib import Path


def hand_back_freed() -> None:
    """Gives freed memory back to the system, so that a process that waits does not hold what the next one needs."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def reset_resident_peak() -> bool:
    """Starts a new peak of resident memory; returns whether the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def resident_bytes() -> int:
    """Bytes in memory now; where the system does not say, at the peak."""
    return _status_bytes("VmRSS") or _max_resident_bytes()


def resident_peak() -> int:
    """The most bytes in memory since the last reset, or since the start."""
    return _status_bytes("VmHWM") or _max_resident_bytes()


def _status_bytes(field: str) -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)


def _max_resident_bytes() -> int:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
