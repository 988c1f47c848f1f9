"""Which files are films, and which containers hold them in colour."""

from pathlib import Path

CONTAINERS = {
    **dict.fromkeys((".mp4", ".m4v", ".3gp"), "mp4"),
    **dict.fromkeys((".ts", ".m2ts", ".mts"), "mpegts"),
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".flv": "flv",
}
"""FFmpeg's names of the containers that are written, by extension."""

_OTHERS = {".avi", ".asf", ".divx", ".dv", ".f4v", ".mpeg", ".mpg", ".mxf", ".ogv", ".rm", ".rmvb", ".vob", ".wmv"}


def is_film(name: Path) -> bool:
    """Whether a file is a film, by its extension."""
    return name.suffix.lower() in CONTAINERS.keys() | _OTHERS


def film_name(name: Path, codec: str = "libx264") -> Path:
    """What a film in colour is called: as the film, or .mkv where its container keeps no such codec or times."""
    suffix = name.suffix.lower()
    kept = "x26" not in codec if suffix == ".webm" else suffix in CONTAINERS
    return name if kept else name.with_suffix(".mkv")
