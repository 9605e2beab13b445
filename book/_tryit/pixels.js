/* Between bytes and numbers. A photo is {width, height, data: RGBA bytes}, a picture {width, height, planes in 0..1}. */

// A part of a photo as three planes.
function planesOf(photo, left = 0, top = 0, width = photo.width, height = photo.height) {
  const planes = [0, 1, 2].map(() => new Float32Array(width * height));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = 4 * ((top + y) * photo.width + left + x), to = y * width + x;
      for (let c = 0; c < 3; c++) planes[c][to] = photo.data[from + c] / 255;
    }
  return {width, height, planes};
}

function emptyPhoto(width, height) {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return {width, height, data};
}

// Numbers to bytes, halves up, as images.round_to_uint8 does.
function byteOf(value) {
  return Math.floor(Math.min(1, Math.max(0, value)) * 255 + 0.5);
}

// Copy a width x height part of a picture, from (x0, y0), to (left, top) of a photo.
function put(photo, picture, left, top, x0 = 0, y0 = 0, width = picture.width, height = picture.height) {
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = (y0 + y) * picture.width + x0 + x, to = 4 * ((top + y) * photo.width + left + x);
      for (let c = 0; c < 3; c++) photo.data[to + c] = byteOf(picture.planes[c][from]);
    }
}

// BT.601 in studio swing, as images.rgb_to_ycbcr: the luma that the networks of 2014 to 2017 enlarge.
const YCBCR = [[65.481, 128.553, 24.966], [-37.797, -74.203, 112], [112, -93.786, -18.214]];
const OFFSET = [16, 128, 128];
const BACK = inverse(YCBCR);

function inverse(m) {
  const minor = (r, c) => {
    const [a, b] = [0, 1, 2].filter(i => i !== r), [d, e] = [0, 1, 2].filter(i => i !== c);
    return m[a][d] * m[b][e] - m[a][e] * m[b][d];
  };
  const cofactor = (r, c) => ((r + c) % 2 ? -1 : 1) * minor(r, c);
  const determinant = [0, 1, 2].reduce((sum, c) => sum + m[0][c] * cofactor(0, c), 0);
  return [0, 1, 2].map(r => [0, 1, 2].map(c => cofactor(c, r) / determinant));
}

function ycbcrOf(picture) {
  return mixed(picture, YCBCR, OFFSET);
}

function rgbOf(picture) {
  const offset = BACK.map(row => -255 * row.reduce((sum, value, c) => sum + value * OFFSET[c], 0));
  return mixed(picture, BACK.map(row => row.map(value => value * 255 ** 2)), offset);
}

function mixed({width, height, planes}, matrix, offset) {
  const [p, q, r] = planes;
  return {width, height, planes: matrix.map((row, o) => {
    const out = new Float32Array(p.length);
    for (let i = 0; i < out.length; i++) out[i] = (row[0] * p[i] + row[1] * q[i] + row[2] * r[i] + offset[o]) / 255;
    return out;
  })};
}

// The luma of one row of a photo, from column `left`: what both scores look at.
function lumaRow(photo, y, left, out) {
  for (let x = 0, i = 4 * (y * photo.width + left); x < out.length; x++, i += 4) {
    const {data} = photo;
    out[x] = ((65.481 * data[i] + 128.553 * data[i + 1] + 24.966 * data[i + 2]) / 255 + 16) / 255;
  }
}
