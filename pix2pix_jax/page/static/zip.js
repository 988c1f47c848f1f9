// A zip file of files that are compressed already, stored as they are (APPNOTE.TXT 6.3, without zip64).

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});

function crcOf(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

// Numbers of two and four bytes, the lowest first: `[[2, 20], [4, 0x04034b50]]`.
function packed(fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [size]) => sum + size, 0)));
  fields.reduce((at, [size, value]) => (size === 2 ? view.setUint16(at, value, true) : view.setUint32(at, value, true), at + size), 0);
  return view;
}

// `files`: [{name, blob}], of which equal names get numbers.
export async function zipOf(files) {
  const parts = [], directory = [], taken = new Set();
  let offset = 0;
  for (const { name, blob } of files) {
    const [, stem, extension] = /^(.*?)(\.[^.]*)?$/s.exec(name.replace(/[/\\]/g, "_"));
    let free = stem + (extension ?? "");
    for (let number = 2; taken.has(free); number++) free = `${stem} (${number})${extension ?? ""}`;
    taken.add(free);
    const bytes = new TextEncoder().encode(free), crc = crcOf(new Uint8Array(await blob.arrayBuffer()));
    // Version 2.0, names in UTF-8, stored, 1980-01-01, sizes.
    const fields = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 0x21], [4, crc], [4, blob.size], [4, blob.size],
      [2, bytes.length], [2, 0]];
    parts.push(packed([[4, 0x04034b50], ...fields]), bytes, blob);
    directory.push(packed([[4, 0x02014b50], [2, 20], ...fields, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), bytes);
    offset += 30 + bytes.length + blob.size;
    if (offset > 0xffffffff) throw new Error("Together they are larger than a zip file may be: download them singly.");
  }
  const size = directory.reduce((sum, part) => sum + part.byteLength, 0), count = taken.size;
  const end = packed([[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
