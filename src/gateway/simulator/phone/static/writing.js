// The composer: what is typed, attached, recorded, answered and edited, until it is sent.
import { act, phoneOf, tell } from "./doing.js";

export function isIdle(form) {
  return !form.elements.text.value.trim() && !form.querySelector(".chip");
}

/** Show the right button, and tell the application that somebody types. */
export function refresh(form) {
  form.classList.toggle("idle", isIdle(form));
  const phone = phoneOf(form);
  phone.dataset.typing ??= "";
  const typing = form.elements.text.value.trim() && !form.elements.edits.value ? "on" : "";
  clearTimeout(form.pause);
  if (typing) form.pause = setTimeout(() => stopTyping(phone), 4000);
  if (typing === phone.dataset.typing) return;
  phone.dataset.typing = typing;
  act("type", phone, { on: typing });
}

function stopTyping(phone) {
  if (!phone.dataset.typing || !phone.isConnected) return;
  phone.dataset.typing = "";
  act("type", phone, { on: "" });
}

export function clear(form) {
  form.elements.text.value = "";
  form.elements.subject.value = "";
  form.elements.subject.hidden = true;
  form.querySelector(".chips").replaceChildren();
  answer(form, "", "");
  edit(form, "");
  choose(form, "");
  clearTimeout(form.pause);
  phoneOf(form).dataset.typing = ""; // a message ends the dots by itself
  form.classList.add("idle");
}

/** Let the next message answer another one, or one part of it; without a message it answers none. */
export function answer(form, message, words, part = "") {
  form.elements.reply_to.value = message;
  form.elements.reply_part.value = part;
  const line = form.querySelector(".answering");
  line.hidden = !message;
  line.querySelector("q").textContent = words;
}

/** Change what an own message says; without a message, write a new one. */
export function edit(form, message, words = "") {
  const before = form.elements.edits.value;
  form.elements.edits.value = message;
  form.querySelector(".editing").hidden = !message;
  if (message || before) form.elements.text.value = words;
  form.classList.toggle("idle", isIdle(form));
}

export function choose(form, effect) {
  form.elements.effect.value = effect;
  const line = form.querySelector(".with-effect");
  line.hidden = !effect;
  line.querySelector("b").textContent = effect.replace("-", " ");
}

/** Keep files on this machine, each with what the vendor's rules say about it. */
export async function attach(form, files, as = "") {
  const { address, chat } = phoneOf(form).dataset;
  for (const file of files) {
    const asked = new URLSearchParams({ name: file.name, as, phone: address, chat });
    const answered = await fetch(`/_phone/files?${asked}`, {
      method: "POST", body: file, headers: { "Content-Type": file.type || "application/octet-stream", "HX-Request": "true" },
    });
    const html = await answered.text();
    if (answered.ok) form.querySelector(".chips").insertAdjacentHTML("beforeend", html); // escaped where it was made
    else tell(html);
  }
  form.classList.toggle("idle", isIdle(form));
}

/** Give a group another picture: kept like any file, then named in the form. */
export async function picture(form, file) {
  const answered = await fetch(`/_phone/files?${new URLSearchParams({ name: file.name })}`, {
    method: "POST", body: file, headers: { "Content-Type": file.type || "application/octet-stream", "HX-Request": "true" },
  });
  const html = await answered.text();
  if (!answered.ok) { tell(html); return; }
  const id = new DOMParser().parseFromString(html, "text/html").querySelector("[name=file]").value;
  await act("icon", phoneOf(form), { file: id });
}
