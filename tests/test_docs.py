"""What the documents name is there: files and headings that they link to, keys of the config, extras."""

import re
import tomllib
from pathlib import Path

import pytest
from helpers import ROOT

from pix2pix_jax.config import all_keys

PAGES = [
    page
    for folder in (".", "benchmarks", "docs", "pix2pix_jax/pretrained", "web")
    for page in sorted((ROOT / folder).glob("*.md"))
]


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    prose = re.sub("^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall("^#+ (.*)", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_what_is_there(page):
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in link:
            file, _, heading = link.partition("#")
            target = page.parent / file if file else page
            assert target.exists(), link
            assert not heading or heading in headings(target), link
    keys = set(re.findall(r"--config\.([a-z_0-9.]*[a-z_0-9])", text)) - {"key"}
    assert keys <= set(all_keys())
    extras = {extra for listed in re.findall(r"\.\[([a-z0-9,]+)\]'", text) for extra in listed.split(",")}
    assert extras <= tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"].keys()
