// A zip file of files that are compressed already, stored as they are (APPNOTE.TXT 6.3, without zip64).

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});

const crcOf = (bytes) => ~bytes.reduce((crc, byte) => TABLE[(crc ^ byte) & 255] ^ (crc >>> 8), -1);
const two = (...numbers) => new Uint8Array(Uint16Array.from(numbers).buffer); // the lowest byte first
const four = (...numbers) => new Uint8Array(Uint32Array.from(numbers).buffer);

// `files`: [{name, blob}], of which equal names get numbers.
export async function zipOf(files) {
  const parts = [], directory = [], taken = new Set();
  const sizeOf = (blobs) => new Blob(blobs).size;
  for (const { name, blob } of files) {
    const [, stem, extension = ""] = /^(.*?)(\.[^.]*)?$/s.exec(name.replace(/[/\\]/g, "_"));
    let free = stem + extension;
    for (let number = 2; taken.has(free); number++) free = `${stem} (${number})${extension}`;
    taken.add(free);
    const bytes = new TextEncoder().encode(free), { length } = bytes, { size } = blob, offset = sizeOf(parts);
    const crc = crcOf(new Uint8Array(await blob.arrayBuffer()));
    // Version 2.0, names in UTF-8, stored, midnight of 1980-01-01; then what it is, how long, and how long its name.
    const about = [two(20, 0x800, 0, 0, 0x21), four(crc, size, size), two(length, 0)];
    parts.push(four(0x04034b50), ...about, bytes, blob);
    directory.push(four(0x02014b50), two(20), ...about, two(0, 0, 0), four(0, offset), bytes);
  }
  const size = sizeOf(parts), count = files.length;
  if (size > 0xffffffff) throw new Error("Together they are larger than a zip file may be: download them singly.");
  const end = [four(0x06054b50), two(0, 0, count, count), four(sizeOf(directory), size), two(0)];
  return new Blob([...parts, ...directory, ...end]);
}
