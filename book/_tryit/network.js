/* A trained network in the worker: unpacked, opened by onnxruntime, and laid over a photo tile by tile. */

const TILE = 128; // input pixels a side
const WHOLE = 512 * 512; // a network that looks at all of a picture gets it in one piece up to this size...
const GUESS = 32; // ...and beyond it tiles with this much around them, which is an approximation

async function unpacked(packed) {
  const bytes = Uint8Array.from(atob(packed), letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

let engine = null; // onnxruntime, once it is there
const sessions = new Map();

async function startEngine({script, glue, wasm}) {
  self.ort = new Function(`${script}\nreturn ort;`)(); // importScripts would need an address
  ort.env.wasm.numThreads = 1; // more threads would need headers that a plain web server does not send
  ort.env.wasm.wasmPaths = {mjs: URL.createObjectURL(new Blob([glue], {type: "text/javascript"}))};
  ort.env.wasm.wasmBinary = (await unpacked(wasm)).buffer;
  ort.env.logLevel = "error";
}

// The network's session; `runtime` and `packed` are only looked at when they are needed for the first time.
async function opened(net, runtime, packed) {
  engine ??= startEngine(runtime);
  await engine;
  if (!sessions.has(net.file)) {
    const bytes = await unpacked(packed);
    if (self.crypto?.subtle) { // absent where the page came over plain http from another machine
      const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const said = [...sum].map(byte => byte.toString(16).padStart(2, "0")).join("");
      if (said !== net.sha256) throw new Error("damaged");
    }
    sessions.set(net.file, await ort.InferenceSession.create(bytes, {executionProviders: ["wasm"]}));
  }
  return sessions.get(net.file);
}

async function drawn(session, planes, width, height) {
  const input = new Float32Array(planes.length * width * height);
  planes.forEach((plane, c) => input.set(plane, c * width * height));
  const x = new ort.Tensor("float32", input, [1, planes.length, height, width]);
  const {sr} = await session.run({x});
  const [, channels, high, wide] = sr.dims, size = high * wide;
  return {width: wide, height: high, planes: [...Array(channels)].map((_, c) => sr.data.subarray(c * size, (c + 1) * size))};
}

// A picture through a network, as tiling.enlarge does it: a network on luma leaves the colours to bicubic.
async function enlarged(picture, net, session) {
  if (net.kernel) return resize(picture, net.scale, net.kernel);
  const luma = net.space === "y";
  const seen = luma ? ycbcrOf(picture) : picture;
  const input = {...seen, planes: luma ? seen.planes.slice(0, 1) : seen.planes};
  const given = net.pre_upsampled ? resize(input, net.scale) : input;
  const sr = await drawn(session, given.planes, given.width, given.height);
  if (!luma) return sr;
  const colours = resize({...seen, planes: seen.planes.slice(1)}, net.scale);
  const rgb = rgbOf({...sr, planes: [sr.planes[0], ...colours.planes]});
  rgb.planes.forEach(plane => plane.forEach((value, i) => { plane[i] = Math.min(1, Math.max(0, value)); }));
  return rgb;
}

// How a network will be laid over a photo: {tile, halo, exact}.
function plan(net, width, height) {
  const up = value => Math.ceil(value / net.grid) * net.grid;
  if (net.halo === null && width * height <= WHOLE) return {tile: Math.max(width, height), halo: 0, exact: true};
  return {tile: up(TILE), halo: up(net.halo ?? GUESS), exact: net.halo !== null};
}

// Enlarge a photo; `watch(done, count)` after each tile. With `floats`, the numbers before rounding come along.
async function upscaled(photo, net, session, {tile, halo}, watch, floats = false) {
  const {scale} = net, {width, height} = photo;
  const out = emptyPhoto(scale * width, scale * height);
  if (floats) out.planes = [0, 1, 2].map(() => new Float32Array(out.width * out.height));
  const corners = [];
  for (let top = 0; top < height; top += tile) for (let left = 0; left < width; left += tile) corners.push([left, top]);
  for (const [done, [left, top]] of corners.entries()) {
    const x0 = Math.max(0, left - halo), y0 = Math.max(0, top - halo);
    const x1 = Math.min(width, left + tile + halo), y1 = Math.min(height, top + tile + halo);
    const part = await enlarged(planesOf(photo, x0, y0, x1 - x0, y1 - y0), net, session);
    const from = [scale * (left - x0), scale * (top - y0)];
    const size = [scale * (Math.min(left + tile, width) - left), scale * (Math.min(top + tile, height) - top)];
    put(out, part, scale * left, scale * top, ...from, ...size);
    if (floats) keep(out, part, scale * left, scale * top, ...from, ...size);
    watch(done + 1, corners.length);
  }
  return out;
}

function keep(out, part, left, top, x0, y0, width, height) {
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < height; y++) {
      const from = (y0 + y) * part.width + x0;
      out.planes[c].set(part.planes[c].subarray(from, from + width), (top + y) * out.width + left);
    }
}
