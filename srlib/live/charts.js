// Curves as SVG: numbers in, markup out; nothing here knows the page. Colours and dashes are those of srlib.figures.

const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"];
const DASHES = ["", "6 3", "8 3 2 3", "2 2", "9 3 2 3 2 3", "1 2"];
const WIDTH = 320, HEIGHT = 210, LEFT = 54, RIGHT = 26, TOP = 24, BOTTOM = 40;

export const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

export const short = (v) =>
  v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e5) ? v.toExponential(0) : String(Number(v.toPrecision(3)));

// Where the middle of a word goes so that all of it is on the drawing; a figure is about 8 units wide.
const inside = (x, word) => Math.min(x, WIDTH - 1 - 4.7 * String(word).length).toFixed(1);

// Three to six round numbers between low and high.
export function ticks(low, high) {
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((k) => k * power >= rough) * power;
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high * (1 + 1e-9) + 1e-12; k++) found.push(k * step);
  return found;
}

// Where a chart's numbers land on the drawing: {x, y, low, high, last}.
export function frame(curve, marks) {
  const rise = curve.log ? Math.log10 : (v) => v;
  const heights = [...curve.points.map((p) => p[1]), ...Object.values(curve.lines)].filter((v) => !curve.log || v > 0);
  let low = Math.min(...heights.map(rise)), high = Math.max(...heights.map(rise));
  const room = Math.max((high - low) * 0.06, 1e-3 * Math.max(1, Math.abs(high)));
  low -= room, high += room;
  const last = Math.max(2, ...curve.points.map((p) => p[0]), ...marks.map((m) => m[0]));
  return {
    x: (step) => LEFT + ((WIDTH - LEFT - RIGHT) * step) / last,
    y: (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (rise(value) - low) / (high - low)),
    low, high, last,
  };
}

// Where the horizontal lines go: round numbers, on a log axis 1, 2 and 5 times powers of ten if that gives enough.
export function levels(log, low, high) {
  if (!log) return ticks(low, high);
  const found = [];
  for (let power = Math.floor(low); power <= high; power++)
    for (const k of [1, 2, 5]) found.push(k * 10 ** power);
  const inside = found.filter((v) => Math.log10(v) >= low && Math.log10(v) <= high);
  return inside.length > 1 ? inside.filter((_, k) => k % Math.ceil(inside.length / 6) === 0) : ticks(10 ** low, 10 ** high);
}

// One chart; marks are [step, label], shown as upright lines.
export function chart(curve, marks) {
  const title = `<p class="name">${escaped(curve.title)}</p>`;
  if (!curve.points.length) return `<figure>${title}<p class="empty">nothing yet</p></figure>`;
  const { x, y, low, high, last } = frame(curve, marks), parts = [];
  for (const v of levels(curve.log, low, high)) {
    const at = y(v).toFixed(1);
    parts.push(`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/>`);
    parts.push(`<text x="${LEFT - 5}" y="${at}" dy=".35em" text-anchor="end">${short(v)}</text>`);
  }
  for (const v of ticks(0, last).filter((v) => v === Math.round(v)))
    parts.push(`<text x="${inside(x(v), v)}" y="${HEIGHT - BOTTOM + 17}" text-anchor="middle">${v}</text>`);
  parts.push(`<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 4}" text-anchor="middle">step</text>`);
  for (const [step, label] of marks) {
    const at = x(step).toFixed(1);
    parts.push(`<line class="mark" x1="${at}" x2="${at}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>`);
    parts.push(`<text x="${inside(x(step), label)}" y="${TOP - 5}" text-anchor="middle">${label}</text>`);
  }
  const from = curve.since ? x(curve.since).toFixed(1) : LEFT; // before, the photos were others
  const legend = Object.entries(curve.lines).map(([name, value], k) => {
    const pen = `stroke="${COLOURS[(k + 1) % 6]}" stroke-dasharray="${DASHES[(k + 1) % 6]}" stroke-width="2"`;
    parts.push(`<line x1="${from}" x2="${WIDTH - RIGHT}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" ${pen}/>`);
    const sample = `<svg width="28" height="8" aria-hidden="true"><line x2="28" y1="4" y2="4" ${pen}/></svg>`;
    return `<span>${sample} ${escaped(name)}: ${value.toFixed(2)}</span>`;
  });
  const ends = [0, ...curve.breaks, curve.points.length];
  for (let k = 0; k + 1 < ends.length; k++) {
    const piece = curve.points.slice(ends[k], ends[k + 1]);
    const path = piece.map(([step, v]) => `${x(step).toFixed(1)},${y(v).toFixed(1)}`).join(" ");
    parts.push(`<polyline points="${path}" fill="none" stroke="${COLOURS[0]}" stroke-width="2"/>`);
    for (const [step, v] of curve.points.length < 30 || piece.length === 1 ? piece : [])
      parts.push(`<circle cx="${x(step).toFixed(1)}" cy="${y(v).toFixed(1)}" r="2.5" fill="${COLOURS[0]}"/>`);
  }
  const drawing = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(curve.alt)}">${parts.join("")}</svg>`;
  return `<figure>${title}${drawing}<figcaption>${legend.join("")}</figcaption></figure>`;
}
