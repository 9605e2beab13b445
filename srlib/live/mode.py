"""Is somebody there to touch a widget?"""

from __future__ import annotations

import os


def interactive() -> bool:
    """True in a notebook that a person has open; False under nbval, papermill and nbconvert, and in scripts.

    Jupyter's server names the session of a notebook that was opened by hand; programs that run notebooks do not.
    ``SRLIB_LIVE=1`` or ``0`` decides it by force.
    """
    forced = os.environ.get("SRLIB_LIVE")
    return forced == "1" if forced in ("0", "1") else "JPY_SESSION_NAME" in os.environ
