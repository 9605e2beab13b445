"""Measuring: rows against sums by hand, interpolations like networks, and the table beside the paper."""

import time

import pytest
import torch

from srlib import benchmark, classical, datasets, figures, images, ledger, metrics, models, perceptual, synthetic
from srlib.resize import resize


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Two small drawn pictures stand in for Set5."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "Set5").mkdir()
    for seed in (0, 1):
        images.save(folder / "Set5" / f"{seed}.png", synthetic.picture(seed, side=50))
    return folder


@pytest.fixture(autouse=True)
def photos(monkeypatch, drawn):
    monkeypatch.setenv("SRLIB_PHOTOS", str(drawn))
    return datasets.photos("Set5")


def test_a_row_is_the_mean_over_the_photos(photos):
    (row,) = benchmark.run("bicubic", "Set5", "paper_y", 3)
    rules, scores = metrics.protocol("paper_y"), []
    for _, image in photos:
        lr, hr = rules.pair(image, 3)
        scores.append(rules(resize(lr, 3), hr, 3))
    assert row["psnr"] == pytest.approx((scores[0]["psnr"] + scores[1]["psnr"]) / 2, abs=1e-4)
    assert row["ssim"] == pytest.approx((scores[0]["ssim"] + scores[1]["ssim"]) / 2, abs=1e-5)
    assert row["photos"] == {"0": round(scores[0]["psnr"], 3), "1": round(scores[1]["psnr"], 3)}
    assert (row["model"], row["dataset"], row["scale"], row["protocol"]) == ("bicubic", "Set5", 3, "paper_y")
    assert (row["weights"], row["parameters"]) == (None, 0)


def test_rows_fit_the_ledger(tmp_path):
    rows = benchmark.run("nearest", "Set5", scale=2)
    assert ledger.rows(ledger.append(rows, tmp_path / "ledger.jsonl")) == rows


@pytest.mark.parametrize("name", ["srcnn", "fsrcnn", "edsr"])
def test_networks_are_measured_with_their_own_scale_and_space(name):
    net = models.create(name, 3, size="course")
    (row,) = benchmark.run(net, "Set5")
    assert (row["model"], row["scale"], row["protocol"]) == (name, 3, f"paper_{net.space}")
    assert row["weights"] == benchmark.fingerprint(net)
    assert row["parameters"] == sum(p.numel() for p in net.parameters())


def test_an_untrained_sprint_is_bicubic():
    ours = benchmark.run(models.create("sprint", 2), "Set5")[0]["psnr"]
    assert ours == pytest.approx(benchmark.run("bicubic", "Set5", "paper_y", 2)[0]["psnr"], abs=0.02)


def test_enlarging_through_a_colour_network_that_is_given_gray():
    class Colour(torch.nn.Conv2d):
        space, pre_upsampled, scale = "rgb", True, 2

    net = Colour(3, 3, 1)
    gray = torch.rand(1, 6, 7)
    with torch.no_grad():
        by_hand = net(resize(gray, 2).expand(3, -1, -1)[None])[0].mean(0, keepdim=True)
    assert torch.allclose(benchmark.enlarge(net, gray, 2), by_hand, atol=1e-6)


def test_the_fingerprint_belongs_to_the_weights():
    net = models.create("sprint")
    before = benchmark.fingerprint(net)
    assert before == benchmark.fingerprint(net)
    with torch.no_grad():
        net.tail.bias[1] += 1e-6
    assert benchmark.fingerprint(net) != before


@pytest.mark.parametrize(
    ("model", "arguments", "sentence"),
    [
        ("cubic", {"scale": 2}, r"method='cubic' is unknown\. Use one of: nearest, bilinear, bicubic"),
        ("bicubic", {}, r"scale=None is not a whole number of at least 1\. Use 2, 3 or 4"),
        ("bicubic", {"scale": 2.5}, r"scale=2\.5 is not a whole number"),
        ("bicubic", {"scale": 2, "protocol": "y"}, r"protocol='y' is unknown\. Use one of: paper_y"),
        ("bicubic", {"scale": 2, "dataset": "set5"}, r"photo set='set5' is unknown"),
        ("bicubic", {"scale": 2, "dataset": "synthetic"}, r"synthetic has no test photos"),
        (models.create("sprint", 2), {"scale": 3}, r"scale=3, but this network enlarges by 2\. Leave scale out"),
    ],
)
def test_wrong_arguments(model, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        benchmark.run(model, **{"dataset": "Set5", **arguments})


def test_a_set_that_is_not_here(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.paths, "photo_folders", lambda: [tmp_path / "none"])
    with pytest.raises(datasets.MissingData, match="srlib fetch Set14"):
        benchmark.run("bicubic", "Set14", scale=2)


def test_the_table_beside_the_paper(monkeypatch, tmp_path):
    monkeypatch.setattr(ledger, "file", lambda: tmp_path / "ledger.jsonl")
    date = {"date": "2026-01-01", "protocol": "paper_y", "ssim": 0.95}
    ledger.append(
        [
            {"model": "srcnn", "dataset": "Set5", "scale": 2, "psnr": 36.5, "parameters": 57281, **date},
            {"model": "srcnn", "dataset": "Urban100", "scale": 2, "psnr": 29.0, **date},
            {"model": "bicubic", "dataset": "Set5", "scale": 2, "psnr": 33.66, **date},
        ]
    )
    shown = benchmark.paper_table("srcnn")
    assert isinstance(shown, figures.Html)
    first = repr(shown).splitlines()[2].split()
    assert first == "x2 33.66 / 0.9500 36.66 / 0.9542 36.50 / 0.9500 -0.16 dB 57,281".split()
    assert "not measured" in repr(shown).splitlines()[3]
    without = repr(benchmark.paper_table("srcnn", "Urban100")).splitlines()[2]
    assert "not published" in without
    assert "29.00" in without


def test_the_leaderboard(monkeypatch, tmp_path):
    monkeypatch.setattr(ledger, "file", lambda: tmp_path / "ledger.jsonl")
    with pytest.raises(
        ValueError, match=r"Nothing was measured on Set5 x2\. Measure: srlib benchmark NAME Set5 --record"
    ):
        benchmark.leaderboard("Set5", 2)
    common = {"dataset": "Set5", "scale": 2, "protocol": "paper_y", "ssim": 0.95, "machine": "m"}
    costs = {"parameters": 57281, "multiply_adds": 52.7e9, "ms_per_megapixel": 1958.9}
    ledger.append(
        [
            {"model": "srcnn", "weights": "old", "psnr": 36.7, "date": "2026-01-01", **common, **costs},
            {"model": "srcnn", "weights": "new", "psnr": 36.5, "date": "2026-01-02", **common, **costs},
            {"model": "bicubic", "psnr": 33.66, "date": "2026-01-01", **common},
            {"model": "edsr", "psnr": 37.5, "date": "2026-01-01", **common, "protocol": "paper_rgb"},
            {"model": "edsr", "psnr": 39.9, "date": "2026-01-01", **common},
            {"model": "srgan", "psnr": 30.0, "date": "2026-01-01", **common, "protocol": "paper_rgb"},
            {"model": "srcnn", "psnr": 99.0, "date": "2026-01-01", **common, "scale": 3},
        ]
    )
    lines = [line.split() for line in repr(benchmark.leaderboard("Set5", 2)).splitlines()[2:]]
    assert [line[0] for line in lines] == ["edsr", "srcnn", "bicubic", "srgan"], "best first, by each one's own rules"
    assert lines[1] == ["srcnn", "36.50", "/", "0.9500", "36.66", "57,281", "52.7", "1,959", "2026-01-02"]
    assert repr(benchmark.leaderboard("Set5", 2, "paper_y")).splitlines()[2].split()[:2] == ["edsr", "39.90"]


@pytest.mark.parametrize("name", benchmark.CLASSICAL)
def test_reconstructions_are_measured_too(name, photos):
    (row,) = benchmark.run(name, "Set5", "paper_y", 2)
    rules, expected = metrics.protocol("paper_y"), []
    for _, image in photos:
        lr, hr = rules.pair(image, 2)
        expected.append(rules(list(getattr(classical, name)(lr, 2))[-1], hr, 2)["psnr"])
    assert row["psnr"] == pytest.approx(sum(expected) / len(expected), abs=1e-4)
    assert (row["model"], row["weights"], row["parameters"]) == (name, None, 0)


def test_the_time_is_the_processors(monkeypatch):
    """Other work on the machine, here a sleep, is not the network's."""
    resized = benchmark.resize.resize
    monkeypatch.setattr(benchmark.resize, "resize", lambda *a, **k: (time.sleep(0.3), resized(*a, **k))[1])
    (row,) = benchmark.run("bicubic", "Set5", scale=2)
    pixels = sum(image[0].numel() for _, image in datasets.photos("Set5"))
    assert 0 < row["ms_per_megapixel"] < 0.5 * 600e6 / pixels


def test_a_row_knows_what_the_network_costs(photos):
    net = models.create("espcn", 3)
    (row,) = benchmark.run(net, "Set5")
    assert row["multiply_adds"] == models.describe("espcn", 3).multiply_adds
    assert next(net.parameters()).device.type == "cpu", "counted on a copy"
    assert benchmark.run("bicubic", "Set5", scale=3)[0]["multiply_adds"] == 0


def test_the_perceptual_distance_is_measured_where_an_extractor_is_given(photos):
    look = perceptual.extractor("efficientnet_lite0")
    (row,) = benchmark.run("bicubic", "Set5", "paper_rgb", 4, extractor=look)
    rules, found = metrics.protocol("paper_rgb"), []
    for _, image in photos:
        lr, hr = rules.pair(image, 4)
        sr = resize(lr, 4)
        found.append(metrics.perceptual_distance(sr, hr, look, crop=4, rounding="uint8"))
    assert row["perceptual"] == pytest.approx(sum(found) / 2, abs=1e-4)
    assert row["extractor"] == look.name
    assert "perceptual" not in benchmark.run("bicubic", "Set5", "paper_rgb", 4)[0]


def test_mending_is_scored_in_colour(photos):
    (row,) = benchmark.restore(lambda x: x, "denoise", "Set5")
    assert (row["model"], row["weights"], row["protocol"], row["scale"]) == ("input", None, "denoise25_rgb", 1)
    expected = 10 * torch.tensor(255**2 / 25**2).log10().item()  # what noise of sigma 25 leaves, were nothing clipped
    assert expected - 0.2 < row["psnr"] < expected + 2.5
    assert benchmark.restore(lambda x: x, "denoise", "Set5")[0]["photos"] == row["photos"], "the same noise each time"
    network = models.create("mprnet", variant="denoise", size="course")
    (row,) = benchmark.restore(network, "denoise", "Set5", name="mprnet_denoise")
    assert (row["model"], row["weights"]) == ("mprnet_denoise", benchmark.fingerprint(network))


def test_rain_is_the_sets_own(monkeypatch, tmp_path):
    monkeypatch.setenv("SRLIB_PHOTOS", str(tmp_path))
    clean = torch.full((3, 16, 16), 0.5)
    for folder, image in (("norain", clean), ("rain", clean + 0.1)):
        (tmp_path / "Rain100L" / folder).mkdir(parents=True)
        for number in (1, 2):
            images.save(tmp_path / "Rain100L" / folder / f"{folder}-{number}.png", image)
    assert benchmark.restore(lambda x: x - 26 / 255, "derain")[0]["psnr"] > 48, "half a level is lost in rounding"
    (row,) = benchmark.restore(lambda x: x, "derain")
    assert row["psnr"] == pytest.approx(20 * torch.tensor(255 / 25.5).log10().item(), abs=0.3)
    with pytest.raises(ValueError, match=r"set of pairs='Set5' is unknown\. Use one of: Rain100L"):
        benchmark.restore(lambda x: x, "derain", "Set5")
    (tmp_path / "Rain100L" / "rain" / "rain-2.png").unlink()
    with pytest.raises(ValueError, match="Rain100L has 2 clean photos, but 1 damaged ones"):
        benchmark.restore(lambda x: x, "derain")
    with pytest.raises(ValueError, match=r"task='deblur' is unknown\. Use one of: denoise, derain"):
        benchmark.restore(lambda x: x, "deblur")


def test_the_photo_that_cannot_be_measured_is_named(tmp_path):
    images.save(tmp_path / "tiny.png", torch.rand(3, 1, 1))
    images.save(tmp_path / "zebra.png", torch.rand(3, 40, 40))
    with pytest.raises(ValueError, match=r"The photo tiny cannot be used: img is 1 x 1 pixels"):
        benchmark.run("nearest", f"{tmp_path}/", scale=2)
