"""Photo sets that are not part of the repository: a test that needs one skips, or fails where they must be there.

All other tests run as on a newcomer's machine (the fixture ``newcomer``): they find no photos at all.
"""

import os

import pytest

from srlib import datasets, paths

FOLDERS = os.pathsep.join(map(str, paths.photo_folders()))  # where this machine has them


def show():
    """From here to the end of the test, this machine's photos are found."""
    os.environ["SRLIB_PHOTOS"] = FOLDERS


def absent(why):
    """Skip and say why; a failure where the photos must be there."""
    if os.environ.get("SRLIB_REQUIRE_PHOTOS") == "1":
        pytest.fail(why)
    pytest.skip(why)


def needed(name):
    """All photos of a set, or a skip that says why (a failure if SRLIB_REQUIRE_PHOTOS=1)."""
    show()
    try:
        return datasets.photos(name)
    except datasets.MissingData as missing:
        absent(str(missing))
