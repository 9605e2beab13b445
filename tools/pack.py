"""Put the training photos into one small file that travels: data/photos.zip, for a borrowed machine with a GPU.

    python tools/pack.py [SET ...] [--limit 30]

Pictures are stored as WebP, without loss if they fit into the limit (MiB), else at the best quality that does. The file
is ignored by git: the photos are not the course's to give away. On the other machine:

    python -m zipfile -e data/photos.zip photos
    SRLIB_PHOTOS=photos srlib train --all
"""

import argparse
import io
import sys
import zipfile
from pathlib import Path

from PIL import Image

from srlib import datasets, images, paths

SETS = ("T91", "General100", "BSD200")
QUALITIES = (None, 98, 95, 90, 80, 70)  # None: without loss


def packed(names: list[str], quality: int | None) -> bytes:
    """A zip archive with every photo of the sets, a folder for each set."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            for photo, image in datasets.photos(name):
                buffer = io.BytesIO()
                picture = Image.fromarray(images.to_uint8(image))
                picture.save(buffer, "WEBP", lossless=quality is None, quality=quality or 80, method=4)
                entry = zipfile.ZipInfo(f"{name}/{photo}.webp")  # its date is fixed: the same photos, the same file
                archive.writestr(entry, buffer.getvalue())
    return file.getvalue()


def pack(names: list[str], limit: float, target: Path) -> tuple[Path, int | None]:
    """Write the archive at the first quality that fits into ``limit`` MiB; where, and the quality."""
    for quality in QUALITIES:
        content = packed(names, quality)
        if len(content) <= limit * 2**20:
            with paths.whole(target) as temporary:
                temporary.write_bytes(content)
            return target, quality
    raise ValueError(f"{', '.join(names)} need {len(content) / 2**20:.1f} MiB at quality {quality}. Pack fewer sets.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--limit", type=float, default=30, help="MiB")
    options = parser.parse_args()
    try:
        target, quality = pack(options.sets, options.limit, paths.data() / "photos.zip")
    except (ValueError, datasets.MissingData) as error:
        sys.exit(f"pack: {error}")
    size = target.stat().st_size / 2**20
    print(f"{target}: {size:.1f} MiB, {'without loss' if quality is None else f'WebP of quality {quality}'}")


if __name__ == "__main__":
    main()
