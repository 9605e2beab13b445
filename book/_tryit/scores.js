/* PSNR and SSIM as srlib.metrics' "paper_rgb" has them: both pictures in bytes, luma, a border of `scale` left out. */

function scores(photo, original, scale) {
  const width = photo.width - 2 * scale, height = photo.height - 2 * scale;
  if (width < 11 || height < 11) return null; // smaller than SSIM's window
  const window = Float64Array.from({length: 11}, (_, i) => Math.exp(-((i - 5) ** 2) / 4.5));
  const total = window.reduce((sum, value) => sum + value, 0);
  const wide = width - 10, c1 = 0.01 ** 2, c2 = 0.03 ** 2;
  const a = new Float64Array(width), b = new Float64Array(width);
  const rings = [0, 1, 2, 3, 4].map(() => Array.from({length: 11}, () => new Float64Array(wide))); // eleven rows of each
  const sums = rings.map(() => new Float64Array(wide));
  let squares = 0, alike = 0;

  for (let y = 0; y < height; y++) {
    lumaRow(photo, y + scale, scale, a);
    lumaRow(original, y + scale, scale, b);
    for (let x = 0; x < width; x++) squares += (a[x] - b[x]) ** 2;
    const rows = rings.map(ring => ring[y % 11]);
    for (let x = 0; x < wide; x++) { // blurred along the row: both, their squares, their product
      let ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
      for (let k = 0; k < 11; k++) {
        const w = window[k], p = a[x + k], q = b[x + k];
        ma += w * p; mb += w * q; aa += w * p * p; bb += w * q * q; ab += w * p * q;
      }
      rows[0][x] = ma / total; rows[1][x] = mb / total;
      rows[2][x] = aa / total; rows[3][x] = bb / total; rows[4][x] = ab / total;
    }
    if (y < 10) continue;
    sums.forEach((sum, i) => { // ... and down the last eleven of them
      sum.fill(0);
      for (let k = 0; k < 11; k++) {
        const w = window[k] / total, from = rings[i][(y - 10 + k) % 11];
        for (let x = 0; x < wide; x++) sum[x] += w * from[x];
      }
    });
    const [ma, mb, aa, bb, ab] = sums;
    for (let x = 0; x < wide; x++) {
      const top = (2 * ma[x] * mb[x] + c1) * (2 * (ab[x] - ma[x] * mb[x]) + c2);
      alike += top / ((ma[x] ** 2 + mb[x] ** 2 + c1) * (aa[x] - ma[x] ** 2 + bb[x] - mb[x] ** 2 + c2));
    }
  }
  return {psnr: -10 * Math.log10(squares / (width * height)), ssim: alike / (wide * (height - 10))};
}
