// Requests to this server, with the credential that its reader typed in.

let word = ""; // in the memory of this page only: no cookie, no storage

/** The paths of this server, below whatever prefix or proxy this page came through. */
export const ROOT = new URL("../", document.baseURI);

export const API = new URL("api/", document.baseURI);

export function useCredential(typed) {
  word = typed;
}

export function hasCredential() {
  return word !== "";
}

export function headersWith(headers = {}) {
  return word ? { ...headers, Authorization: `Bearer ${word}` } : headers;
}

/** An answer that is an error. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.message || body.error || `The server answered ${status}.`);
    this.status = status;
    this.body = body;
  }
}

/** Return the JSON of an answer; throw Refused for an error. */
export async function ask(path, { base = API, query = {}, headers = {}, ...options } = {}) {
  const reply = await fetch(withQuery(path, base, query), { ...options, headers: headersWith(headers) });
  const body = await readJson(reply);
  if (!reply.ok) throw new Refused(reply.status, body);
  return body;
}

export function withQuery(path, base, query) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  return url;
}

export async function readJson(reply) {
  const text = await reply.text();
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.slice(0, 500) };
  }
}

/** Send a file, and tell how much of it is sent; return the JSON of the answer. */
export function send(method, url, file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    const headers = headersWith({ "Content-Type": "application/octet-stream" });
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded, event.total));
    request.addEventListener("error", () => reject(new Refused(0, { message: "The server cannot be reached." })));
    request.addEventListener("load", async () => {
      const body = await readJson(new Response(request.responseText));
      if (request.status < 300) resolve(body);
      else reject(new Refused(request.status, body));
    });
    request.send(file);
  });
}
