/* What a file says about itself in its first bytes: its format, its size in pixels, and whether it moves. */

const MOST = 25e6; // pixels of a photo: 100 MB as bytes, and as much again for each result of the same size

async function sniffed(blob) {
  const bytes = new Uint8Array(await blob.slice(0, 512 * 1024).arrayBuffer());
  const view = new DataView(bytes.buffer);
  const text = (at, length) => String.fromCharCode(...bytes.subarray(at, at + length));
  const size = (width, height, moves = false) => ({width, height, moves});
  try {
    if (text(1, 3) === "PNG") return size(view.getUint32(16), view.getUint32(20), text(0, bytes.length > 4096 ? 4096 : bytes.length).includes("acTL"));
    if (text(0, 4) === "GIF8") return size(view.getUint16(6, true), view.getUint16(8, true), gifMoves(bytes));
    if (text(0, 4) === "RIFF" && text(8, 4) === "WEBP" && text(12, 4) === "VP8X") {
      const three = at => view.getUint16(at, true) + (bytes[at + 2] << 16);
      return size(three(24) + 1, three(27) + 1, Boolean(bytes[20] & 2));
    }
    if (bytes[0] === 0xff && bytes[1] === 0xd8) return jpegSize(view) ?? size(0, 0);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a file cut short: the decoder will say so
  }
  return size(0, 0); // not known before it is decoded
}

// A JPEG's segments up to the one that starts the frame (SOF0 to SOF15, without DHT, JPG and DAC).
function jpegSize(view) {
  for (let at = 2; at + 9 < view.byteLength; at += 2 + view.getUint16(at + 2)) {
    const mark = view.getUint8(at + 1);
    if (mark >= 0xc0 && mark <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(mark))
      return {width: view.getUint16(at + 7), height: view.getUint16(at + 5), moves: false};
  }
  return null;
}

// A GIF's blocks: does a second picture begin?
function gifMoves(bytes) {
  const table = flags => flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
  let at = 13 + table(bytes[10]), pictures = 0;
  while (at < bytes.length && pictures < 2) {
    if (bytes[at] === 0x2c) { pictures++; at += 10 + table(bytes[at + 9]) + 1; }
    else if (bytes[at] === 0x21) at += 2;
    else break;
    while (at < bytes.length && bytes[at]) at += bytes[at] + 1;
    at++;
  }
  return pictures > 1;
}
