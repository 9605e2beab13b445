/* A twin: controls over frames that were computed beforehand. data-grid: [{name, values, slider, first}, ...]. */

function start(root) {
  const grid = JSON.parse(root.dataset.grid);
  const frames = [];
  const few = new Set(root.querySelectorAll(":scope > .sr-frame"));
  // a picture that several frames share is stored once: the others name it by its number
  const stored = [...root.querySelectorAll(`img[src^="data:image/webp"]`)];
  for (const img of root.querySelectorAll("img[data-same]")) img.src = stored[img.dataset.same].src;
  for (const frame of root.querySelectorAll(".sr-frame")) frames[frame.dataset.at] = frame;

  const stage = make("div", {className: "sr-stage"});
  const said = make("p", {className: "sr-hidden", "aria-live": "polite"});
  const at = grid.map(parameter => parameter.first);
  frames.forEach(frame => {
    frame.classList.toggle("sr-print", few.has(frame)); // on paper: the small multiple
    stage.append(frame);
  });

  function show() {
    const number = grid.reduce((sum, parameter, i) => sum * parameter.values.length + at[i], 0);
    frames.forEach((frame, i) => frame.classList.toggle("sr-off", i !== number));
    root.dataset.shown = number;
    return frames[number].dataset.said;
  }

  const controls = grid.map(({name, values, slider: slides, first}, i) => {
    const act = value => { at[i] = value; said.textContent = show(); };
    return slides ? slider(name, values.length - 1, first, k => values[k], act)
      : choices(name, values, first, "p" + i, act);
  });
  root.querySelector(".sr-rest")?.remove();
  root.prepend(panel(...controls), stage, said);
  show();
  if (root.dataset.spare !== undefined) stepAside(root);
}
