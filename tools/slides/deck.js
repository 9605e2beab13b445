// Starts reveal.js, fits each slide as it comes, and leaves the keys to the control that has the focus.

const CONTROL = ".sheet :is(input, select, textarea, button, summary, a, [tabindex])";
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

// Pictures grow while there is room, code a little; what is too much shrinks, and at last is scrolled in its slide.
const SIZES = [ // of prose, code and what it prints, other outputs
  [1, 1.3, 1.7], [1, 1.3, 1.5], [1, 1.3, 1.35], [1, 1.2, 1.2], [1, 1.1, 1.1], [1, 1, 1],
  [1, 0.9, 0.9], [0.95, 0.95, 0.95], [0.9, 0.9, 0.9], [0.9, 0.8, 0.8], [0.8, 0.72, 0.72],
];

function fit() {
  const sheet = Reveal.getCurrentSlide()?.querySelector(":scope > .sheet");
  if (!sheet) return;
  for (const cell of sheet.querySelectorAll(".sr-table :is(td, th)")) // "36.41 dB" on one line
    if (cell.textContent.length < 16) cell.style.whiteSpace = "nowrap";
  const inner = [...sheet.querySelectorAll("pre, .shown > div")];
  const wide = (e) => e.scrollWidth > e.clientWidth + 1;
  const high = () => sheet.scrollHeight > sheet.clientHeight + 1;
  for (const sizes of SIZES) {
    ["--text", "--code", "--output"].forEach((name, k) => sheet.style.setProperty(name, sizes[k]));
    if (!high() && ![sheet, ...inner].some(wide)) break;
  }
  sheet.toggleAttribute("data-scrolls", high());
}

// A presenter's remote sends PageDown and PageUp: they turn the slide wherever the focus is. Escape gives the keys back.
document.addEventListener("keydown", (event) => {
  const turn = { PageDown: "next", PageUp: "prev" }[event.key];
  if (!event.target.closest?.(CONTROL) || !(turn || event.key === "Escape")) return;
  event.preventDefault();
  event.stopPropagation();
  event.target.blur();
  if (turn) Reveal[turn]();
}, true);

Reveal.initialize({
  width: 1280,
  height: 720,
  margin: 0,
  center: false,
  hash: true,
  slideNumber: "c/t",
  controlsLayout: "edges",
  transition: still ? "none" : "slide",
  keyboardCondition: (event) => !event.target.closest?.(CONTROL),
  plugins: [RevealNotes],
}).then(async () => {
  fit();
  Reveal.on("slidechanged", () => { document.activeElement?.blur(); fit(); });
  await document.fonts.ready;
  await window.MathJax?.startup?.promise;
  fit();
});
addEventListener("load", () => window.MathJax?.startup?.promise.then(fit));
