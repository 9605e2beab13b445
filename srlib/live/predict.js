/* Say first, then look: a slider for the guess; opening the answer says how far off it was. */

function start(root) {
  const {low, step, count, digits, answer, unit} = JSON.parse(root.dataset.about);
  const says = i => (low + step * i).toFixed(digits).replace("-", "\u2212") + unit;
  const reveal = root.querySelector("details");
  let guess = Math.round(count / 2);
  const control = slider("Your guess", count, guess, says, i => { guess = i; });
  const truth = make("span", {className: "sr-truth", hidden: true}, "\u25b2 the answer");
  const place = Math.min(1, Math.max(0, (answer - low) / (step * count)));
  truth.style.setProperty("--at", place);
  truth.classList.toggle("sr-right", place > 0.7);
  control.append(truth);
  reveal.before(panel(control));
  reveal.addEventListener("toggle", () => {
    if (!reveal.open || !truth.hidden) return;
    truth.hidden = false;
    control.querySelector("input").disabled = true;
    const off = low + step * guess - answer, near = Math.abs(off) < step / 2;
    const how = near ? "just right" : `${Math.abs(off).toFixed(digits)}${unit} too ${off > 0 ? "high" : "low"}`;
    reveal.querySelector("summary").after(make("p", {role: "status"}, `You said ${says(guess)}: ${how}.`));
  });
}
