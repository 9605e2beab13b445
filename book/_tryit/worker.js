/* The worker: everything that takes longer than a frame. Each message is a job {id, kind, ...}; answers carry its id. */

const VIEW = 1280; // no screen shows more columns of a picture than this beside the page's margins

// Photos that later jobs will want again: the worker copies them, for the page has its frames to draw.
const held = new Map();
let keys = 0;

function hold(photo) {
  photo.key = ++keys;
  held.set(photo.key, {width: photo.width, height: photo.height, data: photo.data.slice()});
}

function got(photo) {
  return photo.data ? photo : held.get(photo.key);
}

// What the page shows of a photo: the photo itself, or a smaller one of a large photo.
async function viewOf(photo) {
  const image = new ImageData(photo.data, photo.width, photo.height);
  if (photo.width <= VIEW) return createImageBitmap(image);
  const resizeHeight = Math.max(1, Math.round(photo.height * VIEW / photo.width));
  return createImageBitmap(image, {resizeWidth: VIEW, resizeHeight, resizeQuality: "high"});
}

// A file as a photo: turned upright, of an animation the first frame, on white where it is transparent.
async function read({blob, most}) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch (error) {
    throw error instanceof RangeError ? error : new Error("unreadable");
  }
  const {width, height} = bitmap;
  if (width * height > most) { bitmap.close(); return {width, height}; } // too large, and the page says so
  const context = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true, alpha: true});
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  let transparent = false;
  const {data} = context.getImageData(0, 0, width, height);
  for (let i = 3; i < data.length && !transparent; i += 4) transparent = data[i] < 255;
  if (!transparent) return {width, height, data, transparent};
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  return {width, height, data: context.getImageData(0, 0, width, height).data, transparent};
}

// The photo made small by bicubic, so that it can be compared with what is drawn from it again.
function shrunk(job) {
  const {scale} = job, photo = got(job.photo);
  const width = photo.width - photo.width % scale, height = photo.height - photo.height % scale;
  const original = planesOf(photo, 0, 0, width, height), truth = emptyPhoto(width, height);
  put(truth, original, 0, 0);
  const small = resize(original, 1 / scale), lr = emptyPhoto(small.width, small.height);
  put(lr, small, 0, 0);
  return {truth, lr};
}

async function run(job) {
  const {net, floats} = job, photo = got(job.photo), original = job.original && got(job.original);
  const session = net.kernel ? null : await opened(net, job.runtime, job.packed);
  const {width, height} = photo, how = job.plan ?? plan(net, width, height);
  const began = performance.now();
  const out = await upscaled(photo, net, session, how, (done, count) => tell(job, {done, count}), floats);
  const ms = performance.now() - began;
  return {...out, ms, exact: how.exact, scores: original ? scores(out, original, net.scale) : null};
}

async function save({photo}) {
  const canvas = new OffscreenCanvas(photo.width, photo.height);
  canvas.getContext("2d").putImageData(new ImageData(photo.data, photo.width, photo.height), 0, 0);
  return {blob: await canvas.convertToBlob({type: "image/png"})};
}

const JOBS = {
  read,
  shrink: shrunk,
  run,
  save,
};

function tell(job, said) {
  self.postMessage({id: job.id, ...said});
}

self.onmessage = async ({data: job}) => {
  try {
    for (const key of job.drop ?? []) held.delete(key);
    const result = await JOBS[job.kind](job);
    const photos = [result, result.truth, result.lr].filter(photo => photo?.data);
    for (const photo of photos) {
      photo.view = await viewOf(photo);
      if (job.kind !== "run") hold(photo);
    }
    const moved = photos.flatMap(photo => [photo.data.buffer, photo.view]);
    self.postMessage({id: job.id, result}, moved);
  } catch (error) {
    tell(job, {failed: `${error?.name ?? ""}: ${error?.message ?? error}`});
  }
};
