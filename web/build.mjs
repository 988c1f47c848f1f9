// Builds dist/, which any static server hosts: the page, the engine, onnxruntime-web and the generator.
import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = at("dist/"), runtime = at("node_modules/onnxruntime-web/dist/");
const packed = {
  wasm: `${runtime}ort-wasm-simd-threaded.wasm`,
  webgpu: `${runtime}ort-wasm-simd-threaded.asyncify.wasm`,
  generator: at("model/generator.onnx"),
  guide: at("model/generator.guide.onnx"),
};
const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob: data:; object-src 'none'";
const missing = Object.values(packed).find((file) => !existsSync(file));
if (missing) {
  console.error(`${missing} is missing: see npm ci, and pix2pix-export --split web/model/generator.onnx`);
  process.exit(1);
}
const change = (name, from, to) => writeFileSync(dist + name, readFileSync(dist + name, "utf8").replace(from, to));
rmSync(dist, { recursive: true, force: true });
for (const folder of ["../pix2pix_jax/page/static", "src"]) cpSync(at(folder), dist, { recursive: true });
for (const name of ["wasm", "webgpu"]) cpSync(`${runtime}ort.${name}.bundle.min.mjs`, `${dist}ort.${name}.mjs`);
change("index.html", "<head>", `<head>\n  <meta http-equiv="Content-Security-Policy" content="${POLICY}">`);
const [, saturation] = /saturation\x12.([\d.]+)/s.exec(readFileSync(packed.generator, "latin1")); // of its metadata
change("engine.js", "SATURATION = 1", `SATURATION = ${saturation}`);
// Not .gz: some servers would call such a file encoded, and browsers would unpack it.
for (const name in packed) writeFileSync(`${dist}${name}.bin`, gzipSync(readFileSync(packed[name]), { level: 9 }));
const names = readdirSync(dist).sort(), version = createHash("sha256");
for (const name of names) version.update(readFileSync(dist + name));
const files = ["./", ...names.filter((name) => !/sw\.js|webgpu/.test(name))]; // WebGPU's are for those who have it
change("sw.js", '{ version: "", files: [] }', JSON.stringify({ version: version.digest("hex").slice(0, 16), files }));
