// A zip file of files that are compressed already, stored as they are (APPNOTE.TXT 6.3, without zip64).

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});

const crcOf = (bytes) => ~bytes.reduce((crc, byte) => TABLE[(crc ^ byte) & 255] ^ (crc >>> 8), -1) >>> 0;

// Numbers of two or four bytes, the lowest first.
const packed = (...fields) => new Uint8Array(fields.flatMap(([size, value]) =>
  Array.from({ length: size }, (_, byte) => (value >>> (8 * byte)) & 255)));

// `files`: [{name, blob}], of which equal names get numbers.
export async function zipOf(files) {
  const parts = [], directory = [], taken = new Set();
  let offset = 0;
  for (const { name, blob } of files) {
    const [, stem, extension = ""] = /^(.*?)(\.[^.]*)?$/s.exec(name.replace(/[/\\]/g, "_"));
    let free = stem + extension;
    for (let number = 2; taken.has(free); number++) free = `${stem} (${number})${extension}`;
    taken.add(free);
    const bytes = new TextEncoder().encode(free), crc = crcOf(new Uint8Array(await blob.arrayBuffer()));
    // Version 2.0, names in UTF-8, stored, 1980-01-01, and sizes.
    const fields = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 0x21], [4, crc], [4, blob.size], [4, blob.size], [4, bytes.length]];
    parts.push(packed([4, 0x04034b50], ...fields), bytes, blob);
    directory.push(packed([4, 0x02014b50], [2, 20], ...fields, [2, 0], [4, 0], [4, 0], [4, offset]), bytes);
    offset += 30 + bytes.length + blob.size;
    if (offset > 0xffffffff) throw new Error("Together they are larger than a zip file may be: download them singly.");
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0), count = [2, files.length];
  return new Blob([...parts, ...directory, packed([4, 0x06054b50], [4, 0], count, count, [4, size], [4, offset], [2, 0])]);
}
