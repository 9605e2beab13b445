/* A chart of methods: two rows of choices for its axes, a mark per method, a picture for the one pointed at. */

const COLOURS = ["#0072B2", "#D55E00"];
const BOX = {width: 640, height: 400, left: 60, right: 96, top: 16, bottom: 48};

const written = (v) => Math.abs(v) >= 1000 ? v.toLocaleString("en") : String(Number(v.toPrecision(4)));

function short(v) {
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]])
    if (Math.abs(v) >= size) return Number((v / size).toPrecision(3)) + letter;
  return String(Number(v.toPrecision(3)));
}

// Values of one axis -> where they land between two ends, and the round numbers that are written there.
function scaleOf(values, from, to) {
  const log = Math.min(...values) > 0 && Math.max(...values) >= 20 * Math.min(...values);
  const rise = log ? Math.log10 : (v) => v;
  let low = Math.min(...values.map(rise)), high = Math.max(...values.map(rise));
  const room = Math.max((high - low) * 0.06, 1e-3);
  low -= room, high += room;
  const at = (v) => from + (to - from) * (rise(v) - low) / (high - low);
  const marks = [];
  if (log) {
    for (let p = Math.floor(low); p <= high; p++)
      for (const k of high - low > 3 ? [1] : [1, 3]) marks.push(k * 10 ** p);
  } else {
    const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((k) => k * power >= rough) * power;
    for (let k = Math.ceil(low / step); k * step <= high; k++) marks.push(Number((k * step).toPrecision(8)));
  }
  return {at, marks: marks.filter((v) => rise(v) >= low && rise(v) <= high)};
}

function svg(tag, properties = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function start(root) {
  const about = JSON.parse(root.dataset.about);
  const chosen = {x: 0, y: 0};
  const stage = make("div", {className: "sr-stage"});
  const shown = make("figure", {className: "sr-shown"}, make("figcaption", {textContent: "Point at a method."}));
  const pictures = Object.fromEntries([...root.querySelectorAll("img[data-of]")].map((img) => [img.dataset.of, img]));

  function tell(point) {
    const words = Object.entries(point.numbers).map(([axis, v]) => `${axis} ${written(v)}`).join(", ");
    const name = point.paper ? `${point.name}, as published` : point.name;
    shown.replaceChildren(make("figcaption", {}, make("b", {textContent: name}), ` ${words}`));
    const picture = pictures[point.name];
    if (picture && !point.paper) {
      const img = picture.cloneNode();
      img.removeAttribute("loading");
      shown.prepend(img);
    }
    for (const mark of stage.querySelectorAll(".sr-mark"))
      mark.classList.toggle("sr-on", mark.dataset.name === point.name);
  }

  function draw() {
    const x = about.x[chosen.x], y = about.y[chosen.y];
    const points = about.points.filter((p) => x in p.numbers && y in p.numbers);
    const {width, height, left, right, top, bottom} = BOX;
    const across = scaleOf(points.map((p) => p.numbers[x]), left, width - right);
    const up = scaleOf(points.map((p) => p.numbers[y]), height - bottom, top);
    const named = (axis) => about.less.includes(axis) ? `${axis} (less is better)` : axis;
    const drawing = svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${about.alt}: ${y} against ${x}`});
    for (const v of up.marks) {
      drawing.append(svg("line", {class: "sr-grid", x1: left, x2: width - right, y1: up.at(v), y2: up.at(v)}));
      drawing.append(svg("text", {x: left - 6, y: up.at(v), dy: ".35em", "text-anchor": "end"}, short(v)));
    }
    for (const v of across.marks) {
      drawing.append(svg("line", {class: "sr-grid", x1: across.at(v), x2: across.at(v), y1: top, y2: height - bottom}));
      drawing.append(svg("text", {x: across.at(v), y: height - bottom + 18, "text-anchor": "middle"}, short(v)));
    }
    drawing.append(svg("text", {x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle"}, named(x)));
    drawing.append(svg("text", {x: 14, y: (height - bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${(height - bottom) / 2})`}, named(y)));
    const place = (p) => [across.at(p.numbers[x]), up.at(p.numbers[y])];
    for (const p of points.filter((p) => p.paper)) {
      const ours = points.find((o) => !o.paper && o.name === p.name);
      if (!ours) continue;
      const [[x1, y1], [x2, y2]] = [place(p), place(ours)];
      drawing.append(svg("line", {class: "sr-join", x1, y1, x2, y2}));
    }
    const taken = points.map((p) => [place(p)[0] - 6, place(p)[1] - 6, 12, 12]); // no name across a mark
    for (const p of points) drawing.append(markOf(p, ...place(p), taken));
    stage.replaceChildren(drawing);
  }

  function markOf(p, cx, cy, taken) {
    const words = Object.entries(p.numbers).map(([axis, v]) => `${axis} ${written(v)}`).join(", ");
    const label = `${p.name}${p.paper ? ", as published" : ""}: ${words}`;
    const mark = svg("g", {class: `sr-mark${p.paper ? " sr-paper" : ""}`, tabindex: 0, role: "img", "aria-label": label});
    mark.dataset.name = p.name;
    const pen = p.paper ? {fill: "none", stroke: COLOURS[1]} : {fill: COLOURS[0], stroke: COLOURS[0]};
    mark.append(svg("circle", {cx, cy, r: 14, fill: "transparent"}), svg("circle", {cx, cy, r: 5, "stroke-width": 2, ...pen}));
    if (!p.paper) {
      const long = 6.4 * p.name.length;
      const spots = [[cx + 9, cy + 4, "start"], [cx - 9, cy + 4, "end"], [cx, cy - 10, "middle"], [cx, cy + 19, "middle"]];
      const free = spots.find(([tx, ty, anchor]) => {
        const box = [tx - (anchor === "end" ? long : anchor === "middle" ? long / 2 : 0), ty - 10, long, 12];
        const inside = box[0] > BOX.left - 20 && box[0] + long < BOX.width;
        return inside && !taken.some((t) => box[0] < t[0] + t[2] && t[0] < box[0] + box[2] && box[1] < t[1] + t[3] && t[1] < box[1] + box[3])
          && taken.push(box);
      });
      const [tx, ty, anchor] = free || spots[0];
      mark.append(svg("text", {x: tx, y: ty, "text-anchor": anchor, class: free ? "" : "sr-crowded"}, p.name));
    }
    for (const event of ["pointerenter", "focus", "click"]) mark.addEventListener(event, () => tell(p));
    return mark;
  }

  const rows = [["upright", "y"], ["across", "x"]].filter(([, axis]) => about[axis].length > 1);
  const controls = rows.map(([name, axis]) => choices(name, about[axis], 0, axis, (i) => { chosen[axis] = i; draw(); }));
  const rest = fold("All numbers as a table", "sr-all");
  rest.append(...root.querySelectorAll(":scope > div"));
  root.querySelector(".sr-shelf").classList.add("sr-off");
  shown.setAttribute("aria-live", "polite");
  const legend = make("p", {className: "sr-note", textContent: "Filled: measured here. Outlined: published in its paper; a line joins the two."});
  root.prepend(...(controls.length ? [panel(...controls)] : []), stage, legend, shown, rest);
  draw();
}
