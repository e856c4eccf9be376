// A talk with a model that has a chat hook, by OpenAI's call; the answer shows while it comes.
import { card, el } from "./dom.js";
import { ROOT, Refused, headersWith, readJson } from "./http.js";

export function chatCard(page) {
  const talk = el("div", { class: "talk", role: "log", "aria-label": "Talk", tabindex: "0" });
  const words = el("textarea", { "aria-label": "Your message", required: true });
  const button = el("button", { class: "first" }, "Send");
  const messages = [];

  function said(role, text) {
    const line = el("p", { class: role === "user" ? "mine" : null }, text);
    talk.append(line);
    talk.scrollTop = talk.scrollHeight;
    return line;
  }

  async function answer(event) {
    event.preventDefault();
    const content = words.value;
    words.value = "";
    messages.push({ role: "user", content });
    said("user", content);
    button.disabled = true;
    const line = said("assistant", "…");
    try {
      const whole = await complete(page, messages, (text) => { line.textContent = text; });
      messages.push({ role: "assistant", content: whole });
    } catch (error) {
      line.textContent = error.message;
      line.classList.add("bad");
    } finally {
      button.disabled = false;
    }
  }

  return card("Chat", talk, el("form", { onsubmit: answer }, el("div", { class: "row" }, words, button)));
}

async function complete(page, messages, onText) {
  const reply = await fetch(new URL("v1/chat/completions", ROOT), {
    method: "POST",
    headers: headersWith({ "Content-Type": "application/json" }),
    body: JSON.stringify({ model: page.model.name, messages, stream: true }),
  });
  if (!reply.ok) throw new Refused(reply.status, await readJson(reply));
  if (!reply.headers.get("Content-Type").startsWith("text/event-stream")) {
    const text = (await reply.json()).choices[0].message.content;
    onText(text);
    return text;
  }
  return streamed(reply.body.pipeThrough(new TextDecoderStream()).getReader(), onText);
}

async function streamed(reader, onText) {
  let [rest, whole] = ["", ""];
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = done ? "" : lines.pop();
    for (const line of lines) whole += deltaOf(line);
    onText(whole);
    if (done) return whole;
  }
}

/** Return the text that a line of the stream adds. */
function deltaOf(line) {
  if (!line.startsWith("data:") || line.includes("[DONE]")) return "";
  const event = JSON.parse(line.slice(5));
  if (event.error) throw new Refused(500, { message: event.error.message ?? event.error });
  return event.choices?.[0]?.delta?.content ?? "";
}
