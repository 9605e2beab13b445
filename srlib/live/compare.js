/* Pictures under one wipe, with a loupe that looks at the same place in all of them. */

const LOUPE = 15; // pixels along each side of what the loupe shows

async function start(root) {
  const figures = [...root.querySelectorAll("figure")];
  const images = figures.map(figure => figure.querySelector("img"));
  try { await Promise.all(images.map(img => img.decode())); } catch { return; } // then they stand side by side
  const {reference, names: stored, colour, largest, alt} = JSON.parse(root.dataset.about);
  const names = stored, pictures = images.map(pixelsOf), {width, height} = pictures[0];
  const modes = ["pictures", ...(reference === null ? [] : ["errors"]), "spectra"];
  const views = {pictures};
  const words = {
    pictures: "",
    errors: `Distance from ${names[reference]}, averaged over the channels: black is 0, ` +
      `white is ${Math.round(255 * largest)} of 255 levels or more.`,
    spectra: "Low frequencies in the middle, high ones outside; each spectrum divided by its own largest value.",
  };
  let mode = "pictures", left = 0, right = names.length - 1, x = width >> 1, y = height >> 1;

  function view(i) { // made when first asked for
    views[mode] ??= pictures.map(picture =>
      mode === "errors" ? errorMap(picture, pictures[reference], largest) : spectrum(picture));
    return views[mode][i];
  }

  // ------------------------------------------------------------------ what is on the page
  const canvas = label => make("canvas", {width, height, className: label, "aria-hidden": "true"});
  const below = canvas("sr-below"), above = canvas("sr-above");
  const tags = [make("span", {className: "sr-tag"}), make("span", {className: "sr-tag sr-right"})];
  const frame = make("span", {className: "sr-frame-of-loupe"});
  const stage = make("div", {className: "sr-stage", tabIndex: 0, role: "application"},
    below, above, make("span", {className: "sr-line"}), ...tags, frame);
  stage.setAttribute("aria-label", `${alt}. Arrow keys move the loupe, with Shift by ten pixels.`);
  const help = make("p", {className: "sr-help"}), read = make("p", {className: "sr-read", "aria-live": "polite"});
  const loupes = names.map(() => make("canvas", {width: LOUPE, height: LOUPE, "aria-hidden": "true"}));
  const captions = figures.map(figure => figure.querySelector("figcaption").cloneNode(true));
  const row = make("div", {className: "sr-loupes"}, ...loupes.map((loupe, i) => make("figure", {}, loupe, captions[i])));

  const controls = [];
  if (names.length > 2) {
    controls.push(choices("Left", names, left, "left", i => { left = i; draw(); }));
    controls.push(choices("Right", names, right, "right", i => { right = i; draw(); }));
  }
  controls.push(choices("Show", modes, 0, "mode", i => { mode = modes[i]; draw(); }));
  const wipe = slider("Wipe", 100, 50, value => `${value} %`, value => stage.style.setProperty("--p", `${value}%`));
  const side = root.querySelector(".sr-side");
  side.before(panel(...controls), stage, panel(wipe), help, read, row);
  side.classList.add("sr-print", "sr-off");

  // ------------------------------------------------------------------ what changes
  function draw() {
    below.getContext("2d").putImageData(view(left), 0, 0);
    above.getContext("2d").putImageData(view(right), 0, 0);
    [left, right].forEach((i, k) => { tags[k].textContent = names[i]; });
    help.textContent = words[mode];
    look();
  }

  function look() {
    const half = LOUPE >> 1;
    loupes.forEach((loupe, i) => {
      const context = loupe.getContext("2d");
      context.clearRect(0, 0, LOUPE, LOUPE);
      context.putImageData(view(i), half - x, half - y);
    });
    frame.style.left = `${100 * (x - half) / width}%`;
    frame.style.top = `${100 * (y - half) / height}%`;
    frame.style.width = `${100 * LOUPE / width}%`;
    frame.style.height = `${100 * LOUPE / height}%`;
    read.textContent = mode === "spectra" ? frequency() : values();
  }

  function frequency() {
    const across = (x - (width >> 1)) / width, down = (y - (height >> 1)) / height;
    return `Frequency ${across.toFixed(2)} across, ${down.toFixed(2)} down, in cycles per pixel.`;
  }

  function values() {
    const at = i => [...pictures[i].data.slice(4 * (y * width + x), 4 * (y * width + x) + (colour ? 3 : 1))];
    const signed = n => n > 0 ? `+${n}` : n < 0 ? `\u2212${-n}` : "0";
    const said = names.map((name, i) => {
      const off = reference === null || i === reference ? "" :
        ` (${at(i).map((value, c) => signed(value - at(reference)[c])).join(" ")})`;
      return `${name} ${at(i).join(" ")}${off}`;
    });
    return `Column ${x}, row ${y}: ${said.join(", ")}.`;
  }

  function move(column, line) {
    x = Math.min(width - 1, Math.max(0, Math.floor(column)));
    y = Math.min(height - 1, Math.max(0, Math.floor(line)));
    look();
  }

  pointing(stage, wipe, point);
  function point(event) {
    const box = stage.getBoundingClientRect();
    move(width * (event.clientX - box.left) / box.width, height * (event.clientY - box.top) / box.height);
  }
  stage.addEventListener("keydown", event => {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const far = event.shiftKey ? 10 : 1;
    move(x + far * step[0], y + far * step[1]);
  });
  // enlarged, pixels stay pixels; shrunk (a phone), they are averaged
  new ResizeObserver(() => stage.classList.toggle("sr-pixels", stage.clientWidth >= 1.3 * width)).observe(stage);
  draw();
}
