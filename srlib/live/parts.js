/* Small helpers of all live elements: make a tag, a slider, a row of choices. Labels are part of each control. */

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node && name !== "list") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// A slider over whole numbers 0..last; `says(i)` is the value as text. Returns the label that holds it.
function slider(name, last, first, says, moved) {
  const shown = make("output", {"aria-hidden": "true"});
  const input = make("input", {type: "range", min: 0, max: last, step: 1, value: first, "aria-label": name});
  const act = () => {
    shown.textContent = says(input.valueAsNumber);
    input.setAttribute("aria-valuetext", shown.textContent);
    moved(input.valueAsNumber);
  };
  input.addEventListener("input", act);
  shown.textContent = says(first);
  input.setAttribute("aria-valuetext", shown.textContent);
  return make("label", {className: "sr-slider"}, make("span", {}, name), input, shown);
}

// One of several words. The group's name needs to be unique only within its own <form>.
function choices(name, words, first, group, chosen) {
  const options = make("div", {className: "sr-options"});
  words.forEach((word, i) => {
    const input = make("input", {type: "radio", name: group, checked: i === first});
    input.addEventListener("change", () => chosen(i));
    options.append(make("label", {}, input, word));
  });
  return make("fieldset", {}, make("legend", {}, name), options);
}

// A line to open, as fold.py makes it.
function fold(opens, kind) {
  const mark = make("span", {className: "sr-arrow", "aria-hidden": "true"}, "\u25b8");
  return make("details", {className: kind}, make("summary", {className: "sr-fold"}, mark, ` ${opens}`));
}

// The controls of one element. Keys stay here: JupyterLab and slides would take the arrows for themselves.
function panel(...controls) {
  const form = make("form", {className: "sr-controls"}, ...controls);
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("keydown", event => event.stopPropagation());
  return form;
}
