"""Photo sets that are not part of the repository: a test that needs one skips, or fails where they must be there."""

import os

import pytest

from srlib import datasets


def absent(why):
    """Skip and say why; a failure where the photos must be there."""
    if os.environ.get("SRLIB_REQUIRE_PHOTOS") == "1":
        pytest.fail(why)
    pytest.skip(why)


def needed(name):
    """All photos of a set, or a skip that says why (a failure if SRLIB_REQUIRE_PHOTOS=1)."""
    try:
        return datasets.photos(name)
    except datasets.MissingData as missing:
        absent(str(missing))
