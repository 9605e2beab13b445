"""Figures: true pixels, text for every reader, the page's own ink, and the same bytes every time."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image

from srlib import figures


def picture(height=20, width=30, channels=3):
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(0))


class Tags(HTMLParser):
    def __init__(self, markup):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(markup)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for found, attributes in self.found if found == tag]


def decoded(uri):
    head, _, data = uri.partition(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def drawn():
    figure, axes = figures.axes(2)
    axes[0].plot([0, 1, 2], [1, 3, 2], label="PSNR")
    axes[0].legend()
    axes[0].text(1, 2, "note")
    axes[1].set_title("<&>")
    return figure


# --- pictures


def test_small_pictures_are_stored_without_loss():
    img = picture()
    assert np.array_equal(decoded(figures.data_uri(img)), (img * 255).round().byte().permute(1, 2, 0).numpy())
    gray = picture(channels=1)
    assert np.array_equal(decoded(figures.data_uri(gray))[..., 0], (gray[0] * 255).round().byte().numpy())


def test_large_pictures_are_stored_small_and_close():
    smooth = torch.linspace(0, 1, 300).expand(3, 250, 300)
    uri = figures.data_uri(smooth)
    assert len(uri) < 20_000
    assert np.abs(decoded(uri)[0, :, 0] / 255 - smooth[0, 0].numpy()).max() < 0.05


def test_overshoot_is_clipped_and_8_bit_values_are_refused():
    assert decoded(figures.data_uri(picture() * 0 + 1.2)).min() == 255
    with pytest.raises(ValueError, match="Divide 8-bit values by 255"):
        figures.data_uri(picture() * 255)


def test_pictures_have_names_numbers_and_alt():
    shown = figures.pictures({"a < b": picture(), "sr": (picture(), '33.66 dB "x"')}, 'A "bird" & more', width=100)
    tags = Tags(shown._repr_html_())
    assert [t["alt"] for t in tags.all("img")] == ['A "bird" & more: a < b', 'A "bird" & more: sr, 33.66 dB "x"']
    assert "a < b" in tags.text
    assert '33.66 dB "x"' in tags.text
    assert all("pixelated" in t["style"] for t in tags.all("img"))
    assert repr(shown) == '[pictures: A "bird" & more: a < b; sr, 33.66 dB "x"]'
    large = figures.pictures({"a": picture(width=300)}, "alt", width=100)
    assert "pixelated" not in large._repr_html_()


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: figures.pictures({"a": picture()}, " "), ValueError, r"alt is empty\. Say in words what there is"),
        (lambda: figures.chart(drawn(), ""), ValueError, r"alt is empty"),
        (lambda: figures.pictures({"a": picture()[0]}, "x"), ValueError, r"img has shape \(20, 30\)"),
        (lambda: figures.data_uri(picture()[None]), ValueError, r"img is a batch of shape"),
        (lambda: figures.table([], "x"), ValueError, r"The table has no rows\. Measure something first"),
        (lambda: figures.cut(picture(), 0, 0, 21), ValueError, r"A square of 21 pixels at \(0, 0\) leaves .*20 x 30"),
        (lambda: figures.cut(picture(), -1, 0, 4), ValueError, r"at \(-1, 0\) leaves the picture"),
        (lambda: figures.cut(picture(), 0, 0, 0), ValueError, r"A square of 0 pixels"),
        (lambda: figures.cut(picture().numpy(), 0, 0, 4), TypeError, r"img is a ndarray"),
        (lambda: figures.error_map(picture(), picture(21)), ValueError, r"sr has shape .* but hr has"),
        (lambda: figures.error_map(picture().numpy(), picture()), TypeError, r"sr is a ndarray"),
        (lambda: figures.spectrum(picture()[0]), ValueError, r"img has shape \(20, 30\)"),
    ],
)
def test_wrong_arguments(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()


# --- charts


def test_a_chart_is_svg_in_the_pages_ink():
    shown = figures.chart(drawn(), 'Curves of "srcnn"')
    markup = shown._repr_html_()
    (svg,) = Tags(markup).all("svg")
    assert svg["role"] == "img"
    assert svg["aria-label"] == 'Curves of "srcnn"'
    assert "currentColor" in markup or "currentcolor" in markup
    assert figures._INK not in markup
    opaque = re.findall(r'style="fill:#(?:ffffff|000000)(?![^"]*opacity:0[;"])', markup)
    assert opaque == [], "white paper or black ink would vanish on one theme"
    assert "<metadata" not in markup
    assert ">PSNR<" in markup, "text stays text"
    words = re.findall(r"<text ([^>]*)>", markup)
    assert all("fill:currentColor" in style for style in words), "also in legends and notes"
    assert "&lt;&amp;&gt;" in markup
    assert repr(shown) == '[chart: Curves of "srcnn"]'


def test_the_same_chart_the_same_bytes():
    assert figures.chart(drawn(), "x").markup == figures.chart(drawn(), "x").markup


def test_every_reference_in_a_chart_has_its_target():
    markup = figures.chart(drawn(), "x").markup
    used = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', markup))
    ids = set(re.findall(r' id="([^"]+)"', markup))
    assert {a or b for a, b in used} == ids


def test_two_charts_of_a_page_share_no_name():
    def bars(height):
        figure, axes = figures.axes()
        axes.bar([0], [height], hatch="//")  # a hidden chart's hatch would be drawn nowhere, were its name used again
        return figures.chart(figure, "x").markup

    names = [set(re.findall(r' id="([^"]+)"', bars(height))) for height in (1, 2)]
    assert all(names)
    assert not names[0] & names[1]


def test_charts_ask_no_other_host():
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', figures.chart(drawn(), "x").markup)


def test_no_figure_is_left_behind_in_pyplot():
    import matplotlib.pyplot as plt

    figures.chart(drawn(), "x")
    assert plt.get_fignums() == []


def test_colour_is_never_the_only_difference():
    figure, axes = figures.axes()
    lines = [axes.plot([0, 1], [k, k])[0] for k in range(6)]
    assert len({str(line._dash_pattern) for line in lines}) == 6
    assert len({line.get_color() for line in lines}) == 6


# --- tables


def test_a_table_is_escaped_and_reads_as_text():
    shown = figures.table([{"net": "a<b>", "dB": "33.66"}, {"net": "srcnn"}], "x & y")
    tags = Tags(shown._repr_html_())
    assert "a<b>" in tags.text
    assert "x & y" in tags.text
    assert [t["scope"] for t in tags.all("th")] == ["col", "col"]
    assert len(tags.all("td")) == 4
    assert repr(shown) == "x & y\nnet    dB\na<b>   33.66\nsrcnn"


def test_a_number_is_never_broken_into_lines_but_a_sentence_is():
    shown = figures.table([{"PSNR / SSIM": "36.43 / 0.9540", "why": "because the patches were small"}], "as measured")
    score, why = Tags(shown._repr_html_()).all("td")
    assert score["style"] == "white-space:nowrap"
    assert "style" not in why


# --- small helpers


def test_cut_takes_the_square():
    img = picture()
    assert torch.equal(figures.cut(img, 3, 5, 8), img[:, 3:11, 5:13])


def test_error_map_by_hand():
    sr, hr = torch.zeros(3, 1, 3), torch.tensor([0.0, 0.1, 0.9]).expand(3, 1, 3)
    assert torch.allclose(figures.error_map(sr, hr, largest=0.2), torch.tensor([[[0.0, 0.5, 1.0]]]))


def test_the_spectrum_of_a_wave_is_two_points():
    x = torch.arange(64) / 64
    wave = (0.5 + 0.5 * torch.cos(2 * torch.pi * 8 * x)).expand(1, 64, 64)
    spectrum = figures.spectrum(wave)[0]
    assert sorted(map(tuple, (spectrum > 0.5).nonzero().tolist())) == [(32, 24), (32, 32), (32, 40)]
    assert spectrum.max() == 1


def test_the_spectrum_of_nothing():
    assert torch.equal(figures.spectrum(torch.zeros(3, 8, 8)), torch.zeros(1, 8, 8))


def test_tick_labels_keep_all_their_digits():
    figure, ax = figures.axes()
    ax.plot([0, 1], [0.0115, 0.0165])
    ax.set_yticks([0.0125, 0.0155])
    markup = figures.chart(figure, alt="a line")._repr_html_()
    assert "0.0125" in markup
    assert "0.0155" in markup
