/* What can be computed from exact pixels: values, error maps, spectra. A picture is {width, height, data: RGBA}. */

function pixelsOf(img) {
  const canvas = make("canvas", {width: img.naturalWidth, height: img.naturalHeight});
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(img, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

// Gray values in 0..1 as a picture.
function gray(width, height, values) {
  const out = new ImageData(width, height);
  values.forEach((value, i) => {
    const level = Math.round(255 * Math.min(1, Math.max(0, value)));
    out.data.set([level, level, level, 255], 4 * i);
  });
  return out;
}

// The absolute error, averaged over the channels; white is `largest` (in 0..1) or more.
function errorMap(a, b, largest) {
  const values = new Float64Array(a.width * a.height);
  for (let i = 0; i < values.length; i++) {
    let sum = 0;
    for (let c = 0; c < 3; c++) sum += Math.abs(a.data[4 * i + c] - b.data[4 * i + c]);
    values[i] = sum / 3 / 255 / largest;
  }
  return gray(a.width, a.height, values);
}

// The log amplitude spectrum of the channels' mean, zero frequency in the middle, divided by its largest value.
function spectrum(a) {
  const {width, height} = a;
  let re = new Float64Array(width * height), im = new Float64Array(width * height);
  for (let i = 0; i < re.length; i++) re[i] = (a.data[4 * i] + a.data[4 * i + 1] + a.data[4 * i + 2]) / 3 / 255;
  [re, im] = fourier(re, im, width, height);
  [re, im] = fourier(re, im, height, width);
  const log = re.map((value, i) => Math.log1p(Math.hypot(value, im[i])));
  const top = Math.max(log.reduce((most, value) => Math.max(most, value), 0), 1e-12);
  const middle = new Float64Array(log.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const row = (y + Math.floor(height / 2)) % height, column = (x + Math.floor(width / 2)) % width;
      middle[row * width + column] = log[y * width + x] / top;
    }
  return gray(width, height, middle);
}

// The Fourier transform of each row of length n, written by its definition; the result comes transposed.
function fourier(re, im, n, rows) {
  const cos = Float64Array.from({length: n}, (_, k) => Math.cos(2 * Math.PI * k / n));
  const sin = Float64Array.from({length: n}, (_, k) => Math.sin(2 * Math.PI * k / n));
  const outRe = new Float64Array(n * rows), outIm = new Float64Array(n * rows);
  for (let r = 0; r < rows; r++)
    for (let k = 0; k < n; k++) {
      let real = 0, imaginary = 0;
      for (let j = 0, turn = 0; j < n; j++) {
        const x = re[r * n + j], y = im[r * n + j];
        real += x * cos[turn] + y * sin[turn];
        imaginary += y * cos[turn] - x * sin[turn];
        turn += k;
        if (turn >= n) turn -= n;
      }
      outRe[k * rows + r] = real;
      outIm[k * rows + r] = imaginary;
    }
  return [outRe, outIm];
}
