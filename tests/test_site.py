"""The built website: whole, readable, and silent towards every host but its own."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.site

# Things a browser loads by itself; a link that a reader clicks may lead anywhere.
LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
}
LOADED_LINKS = {"stylesheet", "preload", "prefetch", "modulepreload", "icon", "preconnect", "dns-prefetch", "manifest"}


class Page(HTMLParser):
    """The addresses one page loads, the ones it links to, and its pictures without alternative text."""

    def __init__(self, path):
        super().__init__()
        self.loads, self.links, self.silent = [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag in LOADED and attributes.get(LOADED[tag]):
            self.loads.append(attributes[LOADED[tag]])
        if tag == "link" and LOADED_LINKS & set(attributes.get("rel", "").split()):
            self.loads.append(attributes["href"])
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        if tag == "img" and not attributes.get("alt") and attributes.get("aria-hidden") != "true":
            self.silent.append(str(attributes)[:120])


@pytest.fixture(scope="session")
def pages(site):
    found = sorted(path for path in site.glob("*.html"))
    assert {"index.html", "search.html"} <= {path.name for path in found}
    return found


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_missing(pages, site):
    wrong = []
    for path in pages:
        page = Page(path)
        for url in page.loads + page.links:
            parts = urlsplit(url)
            if parts.scheme == "data" or (not parts.path and not parts.netloc):
                continue
            if parts.netloc:
                if url in page.loads:
                    wrong.append(f"{path.name} loads {url}")
            elif not parts.scheme and not (path.parent / unquote(parts.path)).exists():
                wrong.append(f"{path.name} names {url}, which does not exist")
    for sheet in site.rglob("*.css"):
        for url in re.findall(r"url\(\s*['\"]?((?:https?:)?//[^)'\"]+)", sheet.read_text(encoding="utf-8")):
            wrong.append(f"{sheet.name} loads {url}")
    assert not wrong, "\n".join(wrong)


def test_every_picture_says_what_it_shows(pages):
    silent = [f"{path.name}: {picture}" for path in pages for picture in Page(path).silent]
    # myst-nb falls back to the file name, which says nothing
    silent += [path.name for path in pages if re.search(r'<img alt="_images/', path.read_text(encoding="utf-8"))]
    assert not silent, "\n".join(silent)


def test_the_site_builds_without_the_notebooks_being_executed(root):
    import yaml

    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    assert config["execute"]["execute_notebooks"] in ("off", False)


LOOK = """() => {
  // sRGB contrast of every piece of visible text with what lies behind it (WCAG 2, 1.4.3)
  const parse = c => { const n = c.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const under = element => {  // in a chart: the last filled shape drawn before a text, where the text's middle lies
    const box = element.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
    const shapes = [...element.closest("svg").querySelectorAll("path, use, rect")].filter(shape => {
      const its = shape.getBoundingClientRect(), {fill, fillOpacity, opacity} = getComputedStyle(shape);
      return fill.startsWith("rgb") && parse(fill)[3] * fillOpacity * opacity === 1 && !shape.closest("defs")
        && shape.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING
        && its.left <= x && x <= its.right && its.top <= y && y <= its.bottom;
    });
    return shapes.length ? parse(getComputedStyle(shapes.at(-1)).fill) : null;
  };
  const behind = element => {
    const shape = element.closest("svg") && under(element);
    if (shape) return shape.slice(0, 3);
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color[3]) layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const faint = [];
  const article = document.querySelector(".bd-article") || document.body;
  const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    if (element.closest("script, style, mjx-container, .visually-hidden, .headerlink, .copybtn")) continue;
    const style = getComputedStyle(element), below = behind(element);
    const ink = parse(element.closest("svg") ? style.fill === "none" ? style.color : style.fill : style.color);
    let opacity = 1;
    for (let e = element; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
    ink[3] *= opacity;
    const [a, b] = [light(over(ink, below)), light(below)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (contrast < (large ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)}: ${text.slice(0, 40)} <${element.tagName}>`);
  }
  return {
    width: document.documentElement.scrollWidth,
    theme: document.documentElement.dataset.theme,
    faint: [...new Set(faint)],
    dimmed: [...document.querySelectorAll(".bd-content img")].filter(i => getComputedStyle(i).filter !== "none").length,
    broken: [...document.images].filter(i => i.complete && !i.naturalWidth && i.loading !== "lazy")
      .map(i => i.src.slice(0, 80)),
    unset: document.querySelectorAll(".math").length && !document.querySelector("mjx-container") ? ["mathematics"] : [],
  };
}"""


NAMELESS = """() => [...document.querySelectorAll("input, select, textarea, button, summary, [tabindex='0']")]
  .filter(c => c.type !== "hidden" && c.checkVisibility({visibilityProperty: true}))
  .filter(c => !(c.getAttribute("aria-label") || c.getAttribute("aria-labelledby") || c.title || c.textContent.trim()
    || [...(c.labels || [])].some(l => l.textContent.trim())))
  .map(c => c.outerHTML.slice(0, 120))"""


SLOW = pytest.mark.slow  # each page is seen in both themes and at both widths; all four together, by `make test-slow`


@pytest.mark.parametrize(
    ("width", "theme"),
    [(390, "light"), (1280, "dark"), pytest.param(390, "dark", marks=SLOW), pytest.param(1280, "light", marks=SLOW)],
)
def test_every_page_in_a_browser(browser, pages, address, theme, width):
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=theme)
    wrong = []

    def guard(route):
        if route.request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            wrong.append(f"{name} asked for {route.request.url}")
            route.abort()

    context.route("**/*", guard)
    page = context.new_page()
    page.on("console", lambda said: wrong.append(f"{name} said: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"{name} raised: {error}"))
    page.on("response", lambda r: wrong.append(f"{name}: {r.status} for {r.url}") if r.status >= 400 else None)
    for path in pages:
        name = path.name
        page.goto(f"{address}/{name}", wait_until="networkidle")
        if page.locator("script[src*=mathjax]").count():
            page.evaluate("() => MathJax.startup.promise.then(() => null)")
        seen = page.evaluate(LOOK)
        if seen["theme"] != theme:
            wrong.append(f"{name} is {seen['theme']}")
        if seen["width"] > width:
            wrong.append(f"{name} is {seen['width']} pixels wide")
        if seen["dimmed"]:
            wrong.append(f"{name} dims {seen['dimmed']} pictures")
        wrong += [f"{name} has faint text, contrast {text}" for text in seen["faint"]]
        wrong += [f"{name} does not show {what}" for what in seen["broken"] + seen["unset"]]
        wrong += [f"{name} has a control without a name: {control}" for control in page.evaluate(NAMELESS)]
    context.close()
    assert not wrong, "\n".join(wrong)


ENTER = """() => {
  const article = document.querySelector(".bd-article");
  if (article) { article.tabIndex = -1; article.focus(); }
  return article !== null;
}"""

FOCUSED = """() => {
  const e = document.activeElement, s = getComputedStyle(e);
  return {
    inside: e.closest(".bd-article") !== null,
    marked: (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none",
    what: e.outerHTML.slice(0, 120),
  };
}"""

MOVES = """() => [...document.querySelectorAll("*")].filter(e => ["", "::before", "::after"].some(part => {
  const s = getComputedStyle(e, part || null);
  const longest = list => Math.max(...list.split(",").map(parseFloat));
  return (s.animationName !== "none" && longest(s.animationDuration) > 0.001)
    || longest(s.transitionDuration) > 0.001 || s.scrollBehavior === "smooth";
})).map(e => e.outerHTML.slice(0, 120))"""


def opened(browser, pages, address, **options):
    """Every page of the site, one after the other, once its scripts have run."""
    context = browser.new_context(**options)
    page = context.new_page()
    for path in pages:
        page.goto(f"{address}/{path.name}", wait_until="networkidle")
        yield path.name, page
    context.close()


def soon_marked(page) -> bool:
    """Whether the focus shows within two seconds: on a busy machine a ring can be a frame or two behind the key."""
    for _ in range(20):
        page.wait_for_timeout(100)
        if page.evaluate(FOCUSED)["marked"]:
            return True
    return False


@pytest.mark.parametrize(("theme", "first"), [("light", 0), ("dark", 1)])
def test_the_focus_can_be_seen_at_every_stop_of_the_tab_key(browser, pages, address, theme, first):
    """Every second page in each theme: a chapter has two hundred stops."""
    wrong, stops = [], 0
    for name, page in opened(browser, pages[first::2], address, color_scheme=theme):
        if not page.evaluate(ENTER):
            continue
        page.keyboard.press("Tab")
        while (focused := page.evaluate(FOCUSED))["inside"]:
            stops += 1
            if not focused["marked"] and not soon_marked(page):
                wrong.append(f"{name}: {focused['what']}")
            page.keyboard.press("Tab")
    assert stops > 50
    assert not wrong, "\n".join(wrong)


def test_who_wants_no_motion_sees_none(browser, pages, address):
    wrong = [
        f"{name}: {element}"
        for name, page in opened(browser, pages, address, reduced_motion="reduce")
        for element in page.evaluate(MOVES)
    ]
    assert not wrong, "\n".join(wrong[:20])


def test_search_works_on_the_site_itself(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/search.html?q=bicubic")
    page.wait_for_selector("#search-results li a", timeout=20_000)
    page.close()
