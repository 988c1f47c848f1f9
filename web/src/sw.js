// Keeps the files of this build, so that the page works without a network.
const BUILD = { version: "", files: [] }; // the build fills it in
const PREFIX = `pix2pix ${registration.scope} `, NAME = PREFIX + BUILD.version; // others share the origin's caches

addEventListener("install", (event) => {
  const page = BUILD.files.map((file) => new Request(file, { cache: "no-cache" }));
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(page)));
});

addEventListener("activate", (event) => {
  const old = (name) => name.startsWith(PREFIX) && name !== NAME;
  const cleared = caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))));
  event.waitUntil(cleared.then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(registration.scope)) event.respondWith(answer(event.request));
});

// What is large is kept as it comes by, so that it is loaded once.
async function answer(request) {
  const cache = await caches.open(NAME), kept = await cache.match(request, { ignoreSearch: true });
  const response = kept ?? (await fetch(request));
  if (!kept && response.status === 200) await cache.put(request, response.clone());
  return response;
}
