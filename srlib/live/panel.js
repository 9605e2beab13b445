// The studio's page: labelled inputs that send what was touched, and views that show what Python has drawn.
// Messages: {kind: "turn", name, value}, {kind: "press", button, file}, {kind: "beat"} (a sign of life).

const BUTTONS = [
  ["pause", "Pause"], ["step", "One step"], ["stop", "Stop"], ["restart", "Restart"], ["reset", "Reset knobs"],
];
const GROUPS = [
  ["training", "Training"], ["photos", "Photos"], ["network", "Network (used at Restart)"],
];
const PHASES = {
  ready: "Ready: run the cell with studio.run().", running: "Training.",
  paused: "Paused: Continue, or go One step.", ended: "Ended.",
};
const ROUND = 1e-9;
const ENDED = ["dead", "restarting", "autorestarting", "terminating"]; // what JupyterLab says of a kernel that is gone
const GONE = "The kernel was restarted or has died: the numbers here are the last ones. "
  + "Run the cells again, from the top of the notebook.";

function element(tag, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const written = (value) =>
  typeof value !== "number" ? String(value) : Math.abs(value) < 0.01 && value ? value.toExponential(1) : String(Number(value.toPrecision(3)));

// One control: {row, input, show(value), settle()}; send(value) is called when the learner has changed it, and by
// settle() for a number that was typed and not yet given.
function control(spec, send) {
  const shown = element("output");
  let input, show, settle = () => {};
  if (spec.kind === "choice") {
    input = element("select", {}, spec.options.map((name) => element("option", { value: name, textContent: name })));
    input.onchange = () => send(input.value);
    show = (value) => { input.value = value; };
  } else if (spec.kind === "check") {
    input = element("input", { type: "checkbox" });
    input.onchange = () => send(input.checked);
    show = (value) => { input.checked = value; };
  } else if (spec.kind === "number") {
    input = element("input", { type: "number", step: spec.step, inputMode: "decimal" });
    let given;
    settle = () => { if (input.value !== "" && Number(input.value) !== given) send(given = Number(input.value)); };
    input.onchange = () => { settle(), input.value = given; };
    show = (value) => { input.value = given = value; };
  } else {
    const log = spec.kind === "log";
    const write = (value) => { shown.textContent = written(value); input.setAttribute("aria-valuetext", written(value)); };
    input = element("input", { type: "range", min: spec.min, max: spec.max, step: spec.step });
    const value = () => (log ? Number((10 ** Number(input.value)).toPrecision(3)) : Number(input.value));
    // a learning rate acts while it is dragged; another patch or blur means work, so it waits for the release
    input.oninput = () => { write(value()); if (spec.group === "training") send(value()); };
    if (spec.group !== "training") input.onchange = () => send(value());
    show = (v) => { input.value = log ? Math.log10(Math.max(v, ROUND)) : v; write(v); };
  }
  input.name = spec.name;
  const row = element("label", { className: spec.kind }, [element("span", { textContent: spec.label }), input, shown]);
  return { row, show, input, settle };
}

// At once, and for a slider being dragged at most each 50 ms; the last value always goes out, with flush() at once.
function throttled(send) {
  let waiting = null, timer = null;
  const flush = () => {
    const held = waiting;
    waiting = null;
    if (held) send(held.value);
    return held;
  };
  const again = () => { timer = flush() ? setTimeout(again, 50) : null; };
  const late = (value) => {
    waiting = { value };
    if (timer === null) again();
  };
  return { late, flush };
}

function loupe(views) {
  const place = (x, y) => {
    views.style.setProperty("--x", x), views.style.setProperty("--y", y);
    across.value = x, down.value = y;
  };
  const range = (label) => {
    const input = element("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0.5 });
    input.oninput = () => place(Number(across.value), Number(down.value));
    return [element("label", { className: "range" }, [element("span", { textContent: label }), input]), input];
  };
  const [first, across] = range("loupe, left to right"), [second, down] = range("loupe, top to bottom");
  const point = (event) => {
    if (event.target.tagName !== "IMG") return;
    const box = event.target.getBoundingClientRect();
    const inside = (v) => Math.min(1, Math.max(0, v));
    place(inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height));
  };
  return { rows: [first, second], point };
}

function picture([name, source, note]) {
  const image = element("img", { src: source, alt: `${name} ${note}`.trim(), draggable: false });
  const lens = element("div", { className: "lens" });
  lens.style.backgroundImage = `url(${source})`;
  lens.setAttribute("aria-hidden", "true");
  const caption = element("figcaption", {}, [element("b", { textContent: name }), element("br"), note || "\u00a0"]);
  return element("figure", {}, [image, lens, caption]);
}

function render({ model, el }) {
  const said = element("p", { className: "said" }), status = element("p", { className: "status" });
  const phase = element("p", { className: "phase" }), heard = element("p", { className: "said" });
  for (const words of [said, phase, heard]) words.setAttribute("role", "status");
  const charts = element("div", { className: "charts" }), changes = element("ol", { className: "changes" });
  const shots = element("div", { className: "shots" }), knobs = element("div", { className: "knobs" });
  const views = element("div", { className: "views" });
  const lens = loupe(views), looking = element("div", { className: "looking", hidden: true }, lens.rows);
  shots.addEventListener("pointermove", lens.point), shots.addEventListener("pointerdown", lens.point);
  views.append(charts, shots, looking, changes);
  const send = (message) => model.send(message);

  const file = element("input", { type: "text", value: model.get("file"), size: 16, spellcheck: false });
  const buttons = {};
  const press = (button) => () => {
    for (const { settle, flush } of Object.values(inputs)) settle(), flush(); // a button acts on what is on the page
    send({ kind: "press", button, file: file.value });
  };
  const button = ([name, text]) => (buttons[name] = element("button", { type: "button", textContent: text, onclick: press(name) }));
  const bar = element("div", { className: "bar" }, BUTTONS.map(button));
  bar.append(element("label", { className: "file" }, [element("span", { textContent: "checkpoint" }), file]));
  bar.append(...[["save", "Save"], ["resume", "Resume"]].map(button));

  let inputs = {}, drawn = "";
  const list = () => {
    const specs = model.get("controls"), same = JSON.stringify(specs);
    if (same !== drawn) {
      const held = document.activeElement?.closest?.(".sr-studio") && document.activeElement.name;
      drawn = same, inputs = {};
      knobs.replaceChildren(...GROUPS.map(([group, legend]) => {
        const rows = specs.filter((spec) => spec.group === group).map((spec) => {
          const { late, flush } = throttled((value) => send({ kind: "turn", name: spec.name, value }));
          inputs[spec.name] = { ...control(spec, late), flush };
          return inputs[spec.name].row;
        });
        return element("fieldset", {}, [element("legend", { textContent: legend }), ...rows]);
      }));
      if (held && inputs[held]) inputs[held].input.focus();
    }
    for (const [name, value] of Object.entries(model.get("values")))
      if (inputs[name] && !inputs[name].input.matches(":active")) inputs[name].show(value); // not under a dragging hand
  };
  const state = () => {
    const now = model.get("phase");
    phase.textContent = PHASES[now], el.dataset.phase = now;
    buttons.pause.textContent = now === "paused" ? "Continue" : "Pause";
  };
  const draw = () => {
    charts.innerHTML = model.get("curves").map((curve) => chart(curve, model.get("marks"))).join("");
    changes.replaceChildren(...model.get("turned").map(([at, words]) => element("li", { textContent: `after step ${at}: ${words}` })));
  };
  const show = () => {
    shots.replaceChildren(...model.get("pictures").map(picture));
    looking.hidden = !model.get("pictures").length;
  };
  const tell = () => {
    said.textContent = model.get("said"), status.textContent = model.get("status");
    heard.textContent = model.get("waiting");
  };

  // While a cell runs, a sign of life every half second until Python has heard one: it then knows that controls act.
  const beat = setInterval(() => {
    if (model.get("phase") === "running" && !model.get("heard")) send({ kind: "beat" });
  }, 500);
  const listeners = [
    ["change:controls change:values", list], ["change:phase", state], ["change:curves change:turned", draw],
    ["change:pictures", show], ["change:said change:status change:waiting", tell],
    ["msg:custom", list], // a value was refused: nothing has changed for Python, so the page shows the old one again
  ];
  for (const [events, act] of listeners) model.on(events, act), act();

  const body = element("div", { className: "body" }, [knobs, views]);
  // sr-beyond: its stand-in (spare.js) hides while it lives
  const page = element("section", { className: "sr-studio sr-beyond" }, [
    element("p", { className: "title", textContent: model.get("title") }), bar, phase, heard, said, status, body,
  ]);
  page.setAttribute("aria-label", model.get("title"));
  page.setAttribute("data-lm-suppress-shortcuts", "true"); // else the notebook takes the arrow keys
  page.addEventListener("keydown", (event) => event.stopPropagation());
  el.append(page);

  const kernel = model.widget_manager?.kernel; // JupyterLab's; elsewhere the widget's line to Python is closed
  const gone = () => {
    clearInterval(beat);
    phase.textContent = GONE, heard.textContent = said.textContent = "";
    el.dataset.phase = "gone";
    for (const control of [...bar.querySelectorAll("button, input"), ...knobs.querySelectorAll("input, select")])
      control.disabled = true;
  };
  const watch = (_, status) => { if (ENDED.includes(status)) gone(); };
  kernel?.statusChanged?.connect(watch);
  listeners.push(["comm:close", gone]), model.on("comm:close", gone);
  return () => {
    clearInterval(beat);
    kernel?.statusChanged?.disconnect(watch);
    for (const [events, act] of listeners) model.off(events, act);
  };
}

export default { render };
