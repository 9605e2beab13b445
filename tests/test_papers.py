"""What the papers published, as this course has it on record."""

import pytest

from srlib import models, papers


def test_the_numbers_everyone_quotes():
    assert papers.psnr("srcnn", "Set5", 2) == 36.66
    assert papers.ssim("srcnn", "Set5", 3) == 0.9090
    assert papers.psnr("fsrcnn", "Set5", 4) == 30.72
    assert papers.psnr("bicubic", "BSD100", 3) == 27.21


def test_what_is_not_on_record_is_none():
    assert papers.psnr("srcnn", "Urban100", 2) is None
    assert papers.ssim("srcnn", "Set5", 8) is None


def test_some_papers_give_no_ssim():
    assert papers.psnr("espcn", "Set5", 3) == 32.55
    assert papers.ssim("espcn", "Set5", 3) is None


def test_an_unknown_paper():
    with pytest.raises(ValueError, match=r"paper='vgg' is unknown\. Use one of: bicubic, srcnn"):
        papers.get("vgg")


@pytest.mark.parametrize("name", list(papers.table()))
def test_every_entry_is_whole(name):
    entry = papers.get(name)
    assert entry["title"]
    assert entry["source"]
    assert 1980 <= entry["year"] <= 2100
    for scale in (1, 2, 3, 4):
        for psnr, *ssim in entry.get(f"x{scale}", {}).values():
            assert 20 < psnr < 45
            assert all(0.5 < value < 1 for value in ssim[:1])
            assert len(ssim) <= 1
    if name in models.names():
        assert entry["title"] in models.model_class(name).title
