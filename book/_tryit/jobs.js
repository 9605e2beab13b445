/* The worker as the page sees it: one job at a time, each a promise; to cancel is to end the worker. */

const jobs = {worker: null, running: null, id: 0};

function ask(kind, details, watch = () => {}) {
  jobs.worker ??= hired();
  const id = ++jobs.id;
  return new Promise((done, failed) => {
    jobs.running = {id, done, failed, watch};
    jobs.worker.postMessage({...details, id, kind});
  });
}

// A photo as a job names it: the worker that made it still has it, any other is sent it.
function named(photo) {
  const {width, height, data, key, owner} = photo;
  return owner && owner === jobs.worker ? {key} : {width, height, data};
}

// An asset for the worker, unless it has had it.
function once(name, content) {
  jobs.worker ??= hired();
  if (jobs.worker.had.has(name)) return null;
  jobs.worker.had.add(name);
  return content;
}

function hired() {
  const address = URL.createObjectURL(new Blob([WORKER], {type: "text/javascript"}));
  const worker = new Worker(address);
  worker.had = new Set();
  worker.onmessage = ({data}) => {
    const job = jobs.running;
    if (!job || job.id !== data.id) return;
    if (data.count) { job.watch(data.done, data.count); return; }
    jobs.running = null;
    const {result} = data;
    for (const photo of [result, result?.truth, result?.lr]) if (photo?.key !== undefined) photo.owner = worker;
    if (data.failed) job.failed(new Error(data.failed)); else job.done(result);
    if (data.failed && !/unreadable/.test(data.failed)) fire(); // whatever it holds may be half done
  };
  worker.onerror = event => { // the browser ended it, most often for memory
    event.preventDefault();
    const job = jobs.running;
    fire();
    job?.failed(new Error(event.message || "out of memory"));
  };
  return worker;
}

// End the worker and what it is doing. The next job starts another.
function fire() {
  jobs.worker?.terminate();
  jobs.worker = null;
  const job = jobs.running;
  jobs.running = null;
  job?.failed(new Error("cancelled"));
}

// Something the lab will not do, said in the sentence that the reader gets.
class Refusal extends Error {}

// What to tell the reader, whatever went wrong.
function sentence(error) {
  if (error instanceof Refusal) return error.message;
  const said = String(error?.message ?? error);
  if (/cancelled/.test(said)) return "Cancelled.";
  if (/unreadable/.test(said)) return "This file is not a picture that your browser can read, or it is damaged. Save it as PNG or JPEG and try again.";
  if (/damaged/.test(said)) return "The network's file arrived damaged. Load the page again.";
  if (/missing/.test(said)) return "A file of this site could not be loaded. Is the site whole, and the network there? Try again.";
  if (/memory|allocation|bad_alloc|RangeError|buffer size|Invalid typed array/i.test(said)) return "There is not enough memory for this. Take a smaller photo, a smaller scale or another network.";
  if (/OffscreenCanvas|DecompressionStream|createImageBitmap/.test(said)) return "This browser is too old for the lab: it needs one of 2023 or newer.";
  return `That did not work (${said.slice(0, 120)}). Try a smaller photo or another network.`;
}
