"use strict";
/* The weights out of the page's text: numbers of 16 bits, or of 32, one tensor after the other. */

function halfToFloat(h) {
  const sign = h & 0x8000 ? -1 : 1, exponent = (h >> 10) & 31, fraction = h & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

// Adler-32, as zlib has it: a copy of the page with one wrong letter has another sum.
function checksum(bytes) {
  let a = 1, b = 0;
  for (let i = 0; i < bytes.length; i++) {
    a = (a + bytes[i]) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

// kept has settings, tensors as [name, shape, bits], the base64 of their bytes, and its checksum.
function unpack({ settings, tensors, base64, sum }) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  if (checksum(bytes) !== sum) throw new Error("the weights are damaged");
  const view = new DataView(bytes.buffer), weights = Object.create(null);
  let at = 0;
  for (const [name, shape, bits] of tensors) {
    const data = new Float32Array(shape.reduce((n, side) => n * side, 1));
    for (let i = 0; i < data.length; i++, at += bits / 8)
      data[i] = bits === 16 ? halfToFloat(view.getUint16(at, true)) : view.getFloat32(at, true);
    weights[name] = { data, shape };
  }
  return { weights, settings };
}

const built = (kept) => new { UNet, GrownUNet }[kept.settings.network]().load(kept);
