/* The results: two of them under a wipe, and a loupe that shows the same place in all. They are {name, width, height, data, view}. */

const LOUPE = 25; // pixels along each side of what the loupe shows

function makeStage() {
  const canvas = name => make("canvas", {className: name, "aria-hidden": "true"});
  const below = canvas("sr-below"), above = canvas("sr-above");
  const tags = [make("span", {className: "sr-tag"}), make("span", {className: "sr-tag sr-right"})];
  const frame = make("span", {className: "sr-frame-of-loupe"});
  const stage = make("div", {className: "sr-stage", tabIndex: 0, role: "application"},
    below, above, make("span", {className: "sr-line"}), ...tags, frame);
  stage.setAttribute("aria-label", "The two pictures, one on each side of the wipe. Arrow keys move the loupe, with Shift by ten pixels.");
  const read = make("p", {className: "sr-read", "aria-live": "polite"});
  const row = make("div", {className: "sr-loupes"});
  const picked = make("div", {className: "sr-picked"});
  const wipe = slider("Wipe", 100, 50, value => `${value} %`, value => stage.style.setProperty("--p", `${value}%`));
  const root = make("div", {className: "sr-compare", hidden: true}, panel(picked), stage, panel(wipe), read, row);
  let pictures = [], sides = [0, 0], x = 0, y = 0;

  function pick(k, name) {
    const select = make("select", {}, ...pictures.map((p, i) => make("option", {value: i, selected: i === sides[k]}, p.name)));
    select.addEventListener("change", () => { sides[k] = Number(select.value); draw(); });
    return make("label", {className: "sr-pick"}, make("span", {}, name), select);
  }

  function draw() {
    [below, above].forEach((target, k) => {
      const {view, name} = pictures[sides[k]];
      target.width = view.width;
      target.height = view.height;
      target.getContext("2d").drawImage(view, 0, 0);
      tags[k].textContent = name;
    });
    pixelated();
    look();
  }

  function look() {
    const {width, height} = pictures[0], half = LOUPE >> 1;
    row.querySelectorAll("canvas").forEach((loupe, i) => loupe.getContext("2d").putImageData(cut(pictures[i], x - half, y - half), 0, 0));
    frame.style.left = `${100 * (x - half) / width}%`;
    frame.style.top = `${100 * (y - half) / height}%`;
    frame.style.width = `${100 * LOUPE / width}%`;
    frame.style.height = `${100 * LOUPE / height}%`;
    const at = p => [...p.data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3)].join(" ");
    read.textContent = `Column ${x}, row ${y} (red, green, blue): ${pictures.map(p => `${p.name} ${at(p)}`).join("; ")}.`;
  }

  function cut(photo, left, top) { // beside the picture: nothing
    const image = new ImageData(LOUPE, LOUPE);
    for (let j = Math.max(0, -top); j < LOUPE && top + j < photo.height; j++) {
      const first = Math.max(0, -left), last = Math.min(LOUPE, photo.width - left);
      const from = 4 * ((top + j) * photo.width + left + first);
      image.data.set(photo.data.subarray(from, from + 4 * (last - first)), 4 * (j * LOUPE + first));
    }
    return image;
  }

  function move(column, line) {
    if (!pictures.length) return;
    x = Math.min(pictures[0].width - 1, Math.max(0, Math.floor(column)));
    y = Math.min(pictures[0].height - 1, Math.max(0, Math.floor(line)));
    look();
  }

  function point(event) {
    const box = stage.getBoundingClientRect(), {width, height} = pictures[0];
    move(width * (event.clientX - box.left) / box.width, height * (event.clientY - box.top) / box.height);
  }
  pointing(stage, wipe, point);
  stage.addEventListener("keydown", event => {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const far = event.shiftKey ? 10 : 1;
    move(x + far * step[0], y + far * step[1]);
  });
  function pixelated() { // enlarged, pixels stay pixels; shrunk, they are averaged
    stage.classList.toggle("sr-pixels", pictures.length > 0 && stage.clientWidth >= 1.3 * pictures[0].view.width);
  }
  new ResizeObserver(pixelated).observe(stage);

  // Show these pictures, of one size: the first that is given on the left and the last on the right.
  function show(given, left = 0, right = given.length - 1) {
    const same = pictures.length && given.length && pictures[0].width === given[0].width && pictures[0].height === given[0].height;
    pictures = given;
    root.hidden = !given.length;
    if (!given.length) return;
    sides = [left, right];
    if (!same) [x, y] = [given[0].width >> 1, given[0].height >> 1];
    stage.style.setProperty("--sr-width", `${Math.max(given[0].width, 480)}px`);
    wipe.style.setProperty("--sr-width", `${Math.max(given[0].width, 480)}px`);
    picked.replaceChildren(pick(0, "Left"), pick(1, "Right"));
    row.replaceChildren(...given.map(p => make("figure", {},
      make("canvas", {width: LOUPE, height: LOUPE, "aria-hidden": "true"}), make("figcaption", {}, p.name))));
    draw();
  }
  return {root, show};
}
