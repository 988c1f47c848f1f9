// Builds dist/, which any static server hosts: the page, the engine, onnxruntime-web and the generator.
import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = at("dist/"), runtime = at("node_modules/onnxruntime-web/dist/");
const packed = {
  wasm: `${runtime}ort-wasm-simd-threaded.wasm`,
  generator: at("model/generator.onnx"),
  guide: at("model/generator.guide.onnx"),
};
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob: data:; object-src 'none'";
const missing = Object.values(packed).find((file) => !existsSync(file));
if (missing) {
  console.error(`${missing} is missing: npm ci gets the runtime; pix2pix-export --split web/model/generator.onnx, the generator`);
  process.exit(1);
}
const change = (name, from, to) => writeFileSync(dist + name, readFileSync(dist + name, "utf8").replace(from, to));
rmSync(dist, { recursive: true, force: true });
for (const folder of ["../pix2pix_jax/page/static", "src"]) cpSync(at(folder), dist, { recursive: true });
cpSync(`${runtime}ort.wasm.bundle.min.mjs`, `${dist}ort.mjs`);
change("index.html", "<head>", `<head>\n  <meta http-equiv="Content-Security-Policy" content="${POLICY}">`);
const [, saturation] = /saturation\x12.([\d.]+)/s.exec(readFileSync(packed.generator, "latin1")); // of its metadata
change("engine.js", "SATURATION = 1", `SATURATION = ${saturation}`);
const files = ["./", ...readdirSync(dist).filter((name) => name !== "sw.js")];
// Not .gz: some servers would call such a file encoded, and browsers would unpack it.
for (const name in packed) writeFileSync(`${dist}${name}.bin`, gzipSync(readFileSync(packed[name]), { level: 9 }));
const all = readdirSync(dist).sort().map((name) => readFileSync(dist + name));
const version = createHash("sha256").update(Buffer.concat(all)).digest("hex").slice(0, 16);
change("sw.js", '{ version: "", files: [] }', JSON.stringify({ version, files }));
