// The API page: Swagger UI with this server's own document, and the credential that it asks for.
"use strict";

// Below a prefix, or behind a proxy's path: everything is relative to this page.
const root = new URL("../", document.baseURI);
const form = document.getElementById("credential");
let word = ""; // in the memory of this page only

function withCredential(headers) {
  return word ? { ...headers, Authorization: `Bearer ${word}` } : headers;
}

async function load() {
  const reply = await fetch(new URL("openapi.json", root), { headers: withCredential({}) });
  if (reply.ok) {
    show(await reply.json());
  } else {
    ask(reply.status === 403 ? "This credential may not read the document." : word && "It is not known here.");
  }
}

function ask(why) {
  document.getElementById("why").textContent = why || "This server asks who calls.";
  form.hidden = false;
  form.elements.word.focus();
}

function show(spec) {
  form.hidden = true;
  spec.servers = [{ url: root.href.replace(/\/$/, "") }];
  SwaggerUIBundle({
    spec,
    domNode: document.getElementById("api"),
    docExpansion: "none",
    defaultModelsExpandDepth: -1,
    validatorUrl: null,
    requestInterceptor(request) {
      request.headers = withCredential(request.headers);
      return request;
    },
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  word = form.elements.word.value;
  form.elements.word.value = "";
  load();
});

load();
