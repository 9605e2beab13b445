"""The pictures inside a twin's frames: shared where frames agree, together within a budget."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence

from PIL import Image

QUALITIES = (None, 90, 80, 70, 60)  # None: as srlib.figures stored them
_SOURCE = re.compile(r'src="data:image/webp;base64,([^"]+)"')


def fit(frames: Sequence[str], budget: int) -> int | None:
    """The first quality at which the frames' different pictures take at most ``budget`` bytes (base64).

    Raises:
        ValueError: even the lowest quality takes more.
    """
    different = {stored for markup in frames for stored in _SOURCE.findall(markup)}
    for quality in QUALITIES:
        size = sum(len(at_quality(stored, quality)) for stored in different)
        if size <= budget:
            return quality
    raise ValueError(f"The pictures of all frames take {size:,} bytes; {budget:,} are allowed. Cut a smaller detail.")


class Shelf:
    """Writes frames one after the other and remembers which pictures the page already has."""

    def __init__(self, quality: int | None) -> None:
        self.quality = quality
        self.written = 0
        self.number: dict[str, int] = {}  # picture -> how many were written before it

    def put(self, markup: str, whole: bool) -> str:
        """One frame's HTML; unless it must be ``whole``, pictures that came before are only named by their number."""
        return _SOURCE.sub(lambda match: self._put(match[1], whole), markup)

    def _put(self, stored: str, whole: bool) -> str:
        if stored in self.number and not whole:
            return f'data-same="{self.number[stored]}"'
        self.number.setdefault(stored, self.written)
        self.written += 1
        return f'src="data:image/webp;base64,{at_quality(stored, self.quality)}"'


def unshare(markup: str) -> str:
    """A twin's HTML with every picture in place, as a browser completes it."""
    stored = _SOURCE.findall(markup)
    return re.sub(r'data-same="(\d+)"', lambda m: f'src="data:image/webp;base64,{stored[int(m[1])]}"', markup)


def at_quality(stored: str, quality: int | None) -> str:
    """The picture at this quality, unless what is stored is smaller."""
    if quality is None:
        return stored
    file = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(stored))).save(file, format="WEBP", quality=quality, method=4)
    return min(stored, base64.b64encode(file.getvalue()).decode(), key=len)
