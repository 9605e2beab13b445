/* Resizing as srlib/resize.py does it, number by number: height first, in double precision, borders mirrored. */

const KERNELS = { // name -> [kernel, width of its support in samples]
  nearest: [x => -0.5 <= x && x < 0.5 ? 1 : 0, 1],
  bilinear: [x => Math.max(1 - Math.abs(x), 0), 2],
  bicubic: [x => {
    const a = -0.5, d = Math.abs(x);
    if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
    return d <= 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
  }, 4],
  lanczos3: [x => Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0, 6],
};

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

// Which input samples make each output sample, and with what weights: `taps` of both for each of `fresh` samples.
function contributions(length, fresh, scale, kernel) {
  const [h, support] = KERNELS[kernel];
  const stretch = scale < 1 && kernel !== "nearest" ? scale : 1; // antialiasing: a wider kernel
  const width = support / stretch, taps = Math.ceil(width);
  const index = new Int32Array(fresh * taps), weight = new Float64Array(fresh * taps);
  for (let i = 0; i < fresh; i++) {
    const centre = (i + 0.5) / scale - 0.5;
    let first = Math.floor(centre - width / 2), sum = 0;
    while (h((centre - first) * stretch) === 0) first++; // the kernel ends between two samples
    for (let t = 0; t < taps; t++) sum += weight[i * taps + t] = h((centre - first - t) * stretch);
    for (let t = 0; t < taps; t++) {
      weight[i * taps + t] /= sum;
      const mirrored = (((first + t) % (2 * length)) + 2 * length) % (2 * length);
      index[i * taps + t] = mirrored < length ? mirrored : 2 * length - 1 - mirrored;
    }
  }
  return {taps, index, weight};
}

// A plane of width x height values, by a factor for both sides; a new Float32Array.
function resizePlane(plane, width, height, scale, kernel) {
  const wide = Math.ceil(scale * width - 1e-9), high = Math.ceil(scale * height - 1e-9);
  const down = contributions(height, high, scale, kernel), across = contributions(width, wide, scale, kernel);
  const out = new Float32Array(wide * high), row = new Float64Array(width);
  for (let y = 0; y < high; y++) {
    row.fill(0);
    for (let t = 0; t < down.taps; t++) {
      const w = down.weight[y * down.taps + t], from = down.index[y * down.taps + t] * width;
      if (w !== 0) for (let x = 0; x < width; x++) row[x] += w * plane[from + x];
    }
    for (let x = 0; x < wide; x++) {
      let sum = 0;
      for (let t = x * across.taps; t < (x + 1) * across.taps; t++) sum += across.weight[t] * row[across.index[t]];
      out[y * wide + x] = sum;
    }
  }
  return out;
}

// All planes of a picture {width, height, planes}.
function resize(picture, scale, kernel = "bicubic") {
  const {width, height, planes} = picture;
  return {
    width: Math.ceil(scale * width - 1e-9),
    height: Math.ceil(scale * height - 1e-9),
    planes: planes.map(plane => resizePlane(plane, width, height, scale, kernel)),
  };
}
