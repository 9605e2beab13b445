/* The lab: photo in, method and scale, run, compare, save. start(root) fills a <div class="sr-try">. */

const LARGEST = 50e6; // pixels of a result
const millions = pixels => (pixels / 1e6).toFixed(pixels < 1e5 ? 3 : 2);

function start(root) {
  const wanted = root.dataset.network ?? new URLSearchParams(location.search).get("network");
  let scale = Number(root.dataset.scale ?? new URLSearchParams(location.search).get("scale")) || 2;
  if (!SCALES.includes(scale)) scale = 2;
  let photo = null, prepared = null, results = [], busy = false;
  const past = []; // keys of photos that the worker may forget

  // ------------------------------------------------------------------ what is on the page
  const file = make("input", {type: "file", accept: "image/*", className: "sr-file"});
  const label = make("label", {className: "sr-button"}, "Choose a photo", file);
  const examples = PHOTOS.map(({name, title}) => {
    const button = make("button", {type: "button", className: "sr-plain"}, title);
    button.addEventListener("click", () => example(name, title));
    return button;
  });
  const drop = make("div", {className: "sr-drop"}, make("p", {}, label, make("span", {}, " or drop one here, or paste it.")),
    make("p", {className: "sr-examples"}, make("span", {}, "Or take one of ours: "), ...examples));
  const status = make("p", {className: "sr-status", role: "status"}, "No photo yet. It stays in your browser: nothing is sent anywhere.");
  const shrink = make("input", {type: "checkbox", checked: true});
  const shrinkLabel = make("label", {className: "sr-shrink"}, shrink, "Shrink the photo first, so that the original is known");
  const slot = make("label", {className: "sr-pick"}, make("span", {}, "Method"));
  let menu = methodMenu(scale, wanted);
  slot.append(menu.select);
  const scales = choices("Scale", SCALES.map(s => s === 1 ? "restore" : `×${s}`), SCALES.indexOf(scale), "scale", i => {
    scale = SCALES[i];
    const name = menu.chosen()?.name;
    menu = methodMenu(scale, name);
    slot.lastChild.replaceWith(menu.select);
    shrink.disabled = scale === 1;
    forget();
  });
  shrink.addEventListener("change", () => forget());
  const go = make("button", {type: "button", className: "sr-button", disabled: true}, "Run");
  const stop = make("button", {type: "button", className: "sr-button sr-second", hidden: true}, "Cancel");
  const bar = make("progress", {max: 1, value: 0, hidden: true, "aria-label": "Tiles done"});
  const tiles = make("span", {className: "sr-tiles"}); // not read aloud: it changes ten times a second
  const stage = makeStage();
  const table = make("div", {className: "sr-results"});
  root.replaceChildren(drop, panel(scales, slot, shrinkLabel), make("p", {className: "sr-go"}, go, stop, bar, tiles), status, stage.root, table);
  root.classList.add("sr-open");

  function say(text, wrong = false) {
    status.textContent = text;
    status.classList.toggle("sr-wrong", wrong);
  }

  function work(on) {
    busy = on;
    go.disabled = on || !photo;
    stop.hidden = bar.hidden = !on;
    tiles.textContent = "";
    bar.removeAttribute("value"); // until the first tile is done nobody knows how far it is
  }

  // Do something that takes time; whatever goes wrong ends as a sentence.
  async function doing(what, task) {
    if (busy || jobs.running) return;
    work(true);
    say(what);
    try { await task(); } catch (error) { say(sentence(error), !/cancelled/.test(error.message)); }
    work(false);
  }

  function forget() {
    past.push(...[prepared?.lr, prepared?.original].filter(p => p && p.key !== photo.key).map(p => p.key));
    prepared = null;
    results = [];
    show();
  }

  // ------------------------------------------------------------------ a photo
  async function example(name, title) {
    await doing(`Loading ${title} …`, async () => {
      const bytes = Uint8Array.from(atob(await asset(`photo-${name}`)), letter => letter.charCodeAt(0));
      await take(new Blob([bytes], {type: "image/jpeg"}), title);
    });
  }

  function given(blob, name) {
    return doing("Reading the photo …", () => take(blob, name));
  }

  async function take(blob, name) {
    const about = await sniffed(blob);
    const refused = ({width, height}) => width * height > MOST;
    const found = refused(about) ? about : await ask("read", {blob, most: MOST, drop: past.splice(0)});
    if (refused(found)) {
      throw new Refusal(`This photo has ${millions(found.width * found.height)} megapixels (${found.width} × ${found.height}), and the lab takes ${MOST / 1e6}. Shrink or crop it first.`);
    }
    if (Math.min(found.width, found.height) < 24) {
      throw new Refusal(`This picture has ${found.width} × ${found.height} pixels, and the lab needs 24 on each side. Take a larger one.`);
    }
    forget();
    if (photo) past.push(photo.key);
    photo = Object.assign(found, {name}); // the same object: jobs.js notes on it which worker has it
    const notes = [
      about.moves && "It moves: the lab takes the first frame.",
      found.transparent && "Its transparent parts are shown on white.",
    ].filter(Boolean).join(" ");
    say(`${name}: ${photo.width} × ${photo.height} pixels. ${notes}`.trim());
  }

  // ------------------------------------------------------------------ a run
  async function prepare() {
    if (prepared) return;
    if (!shrink.checked || scale === 1) {
      prepared = {lr: photo, original: null};
      if (scale === 1) results = [{...photo, name: "as it is"}];
      return;
    }
    const {truth, lr} = await ask("shrink", {photo: named(photo), scale, drop: past.splice(0)});
    if (Math.min(lr.width, lr.height) < 12) throw new Refusal(`${photo.name} shrunk by ${scale} has ${lr.width} × ${lr.height} pixels: too few to enlarge. Take a larger photo.`);
    prepared = {lr, original: truth};
    results = [{name: "original", ...truth}];
  }

  async function one(net) {
    const {lr, original} = prepared;
    if (!net.kernel) say(`Loading ${net.label} …`);
    const [runtime, packed] = net.kernel ? [] : await Promise.all([asset("runtime"), asset(net.file)]);
    say(`${net.label} ×${scale} …`);
    const began = performance.now();
    const watch = (done, count) => {
      bar.max = count;
      bar.value = done;
      const left = Math.round((performance.now() - began) / done * (count - done) / 1000);
      tiles.textContent = `tile ${done} of ${count}${left > 1 ? `, about ${left} s left` : ""}`;
    };
    const brought = net.kernel ? {} : {runtime: once("runtime", runtime), packed: once(net.file, packed)};
    const out = await ask("run", {photo: named(lr), net, original: original && named(original), ...brought}, watch);
    results = results.filter(result => result.name !== net.label);
    results.push({...out, name: net.label, method: net.name});
    return out;
  }

  function run() {
    const net = menu.chosen();
    return doing("Loading …", async () => {
      const pixels = shrink.checked && scale > 1 ? photo.width * photo.height : photo.width * photo.height * scale ** 2;
      if (pixels > LARGEST) throw new Refusal(`The result would have ${millions(pixels)} megapixels, and the lab draws up to ${LARGEST / 1e6}. Choose a smaller scale, or let it shrink the photo first.`);
      await prepare();
      if (scale > 1 && !results.some(result => result.name === "Bicubic")) await one(interpolation("Bicubic", scale));
      const out = net.label === "Bicubic" ? results.find(result => result.name === "Bicubic") : await one(net);
      show(net.label);
      const marks = out.scores ? ` ${numbers(out.scores)}` : "";
      const tiles = out.exact === false ? " It looks at all of a picture at once, and this one was too large for that: tiles are an approximation." : "";
      say(`${net.label} ×${scale}: ${Math.round(out.ms)} ms for ${millions(out.width * out.height)} megapixels.${marks}${tiles}`);
    });
  }

  const numbers = ({psnr, ssim}) => `PSNR ${psnr.toFixed(2)} dB, SSIM ${ssim.toFixed(4)}.`;

  // ------------------------------------------------------------------ what came out
  function show(newest) {
    const at = name => results.findIndex(result => result.name === name);
    const right = newest ? at(newest) : results.length - 1;
    const left = at("Bicubic") >= 0 && newest !== "Bicubic" ? at("Bicubic") : 0;
    stage.show(results, left, right);
    const rows = results.filter(result => result.method);
    const head = ["Method", "ms", "ms/MP", ...(prepared?.original ? ["PSNR", "SSIM"] : []), ""];
    const cell = (text, tag = "td") => make(tag, {}, text);
    const body = rows.map(result => make("tr", {}, cell(result.name, "th"), cell(String(Math.round(result.ms))),
      cell(String(Math.round(result.ms / (result.width * result.height / 1e6)))),
      ...(prepared?.original ? [cell(result.scores?.psnr.toFixed(2) ?? "–"), cell(result.scores?.ssim.toFixed(4) ?? "–")] : []),
      make("td", {}, saver(result))));
    table.replaceChildren(...(rows.length ? [make("table", {className: "sr-table"},
      make("caption", {}, `${photo.name}, ×${scale}: ${rows[0].width} × ${rows[0].height} pixels`),
      make("thead", {}, make("tr", {}, ...head.map(text => cell(text, "th")))), make("tbody", {}, ...body))] : []));
  }

  function saver(result) {
    const button = make("button", {type: "button", className: "sr-plain", "aria-label": `Save ${result.name} as PNG`}, "Save");
    button.addEventListener("click", () => doing("Writing the PNG …", async () => {
      const {blob} = await ask("save", {photo: named(result)});
      const link = make("a", {href: URL.createObjectURL(blob), download: `${photo.name.replace(/\.\w+$/, "")}-${result.method}-x${scale}.png`});
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      say(`${link.download}: ${millions(blob.size)} MB.`);
    }));
    return button;
  }

  // ------------------------------------------------------------------ hands
  file.addEventListener("change", () => { if (file.files[0]) given(file.files[0], file.files[0].name); file.value = ""; });
  go.addEventListener("click", run);
  stop.addEventListener("click", () => { fire(); });
  root.addEventListener("dragover", event => { event.preventDefault(); drop.classList.add("sr-over"); });
  root.addEventListener("dragleave", () => drop.classList.remove("sr-over"));
  root.addEventListener("drop", event => {
    event.preventDefault();
    drop.classList.remove("sr-over");
    const [dropped] = event.dataTransfer.files;
    if (dropped) given(dropped, dropped.name); else say("That was not a file. Drop a photo from a folder.", true);
  });
  root.addEventListener("pointerdown", () => { window.srTryit.last = given; });
  root.addEventListener("focusin", () => { window.srTryit.last = given; });
  window.srTryit.last = given;
}

document.addEventListener("paste", event => {
  const pasted = [...event.clipboardData?.files ?? []].find(item => item.type.startsWith("image/"));
  if (pasted && window.srTryit.last) { event.preventDefault(); window.srTryit.last(pasted, "pasted photo"); }
});
Object.assign(window.srTryit, {start, ask, asset, interpolation, networks: NETWORKS}); // what the tests talk to
