// What a page adds to the fragments that it is sent: gestures, the keyboard, sounds and animation. No state lives here.
import { play, settle } from "./effects.js";
import { toggle, record } from "./voice.js";

const quiet = matchMedia("(prefers-reduced-motion: reduce)");
const menu = document.getElementById("menu");
const notice = document.getElementById("notice");
let chosen = null; // the bubble that the menu is about
let opener = null; // where the focus goes back to

const phoneOf = (element) => element.closest(".phone");
const post = (path, fields) => fetch(path, { method: "POST", body: new URLSearchParams(fields), headers: { "HX-Request": "true" } });

async function act(deed, section, more = {}) {
  const answer = await post(`/_phone/do/${deed}`, { phone: section.dataset.address, chat: section.dataset.chat, ...more });
  if (!answer.ok) tell(await answer.text());
}

function tell(html) {
  const read = new DOMParser().parseFromString(html, "text/html");
  notice.textContent = read.body.textContent.trim();
}

// ── the log follows what comes, unless somebody reads further up ────────────────────────────────────────────────

function follow(log) {
  log.scrollTop = log.scrollHeight;
  let low = true;
  log.addEventListener("scroll", () => { low = log.scrollHeight - log.scrollTop - log.clientHeight < 90; }, { passive: true });
  const keep = () => { if (low) log.scrollTop = log.scrollHeight; };
  new ResizeObserver(keep).observe(log);
  for (const child of log.children) new ResizeObserver(keep).observe(child);
}

function arrive(bubble) {
  if (!bubble.hasAttribute("data-fresh") || bubble.dataset.arrived) return;
  bubble.dataset.arrived = "yes";
  if (bubble.dataset.effect && !quiet.matches) play(bubble.dataset.effect, bubble);
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

function isIdle(form) {
  return !form.elements.text.value.trim() && !form.querySelector(".chip");
}

function refresh(form) {
  form.classList.toggle("idle", isIdle(form));
  const phone = phoneOf(form);
  phone.dataset.typing ??= "";
  const typing = form.elements.text.value.trim() ? "on" : "";
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

function clear(form) {
  form.elements.text.value = "";
  form.elements.subject.value = "";
  form.elements.subject.hidden = true;
  form.querySelector(".chips").replaceChildren();
  answer(form, "", "");
  choose(form, "");
  clearTimeout(form.pause);
  phoneOf(form).dataset.typing = ""; // a message ends the dots by itself
  form.classList.add("idle");
}

function answer(form, message, words) {
  form.elements.reply_to.value = message;
  const line = form.querySelector(".answering");
  line.hidden = !message;
  line.querySelector("q").textContent = words;
}

function choose(form, effect) {
  form.elements.effect.value = effect;
  const line = form.querySelector(".with-effect");
  line.hidden = !effect;
  line.querySelector("b").textContent = effect.replace("-", " ");
}

async function attach(form, files) {
  for (const file of files) {
    const answer = await fetch(`/_phone/files?name=${encodeURIComponent(file.name)}`, {
      method: "POST", body: file, headers: { "Content-Type": file.type || "application/octet-stream", "HX-Request": "true" },
    });
    const html = await answer.text();
    if (answer.ok) form.querySelector(".chips").insertAdjacentHTML("beforeend", html); // escaped where it was made
    else tell(html);
  }
  form.classList.toggle("idle", isIdle(form));
}

// ── the menu of a bubble ────────────────────────────────────────────────────────────────────────────────────────

function beside(box, anchor) {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = box;
  const left = Math.min(Math.max(8, at.left), innerWidth - width - 8);
  const below = at.bottom + 6 + height < innerHeight;
  box.style.left = `${left}px`;
  box.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - height - 6)}px`;
}

function open(bubble, from) {
  chosen = bubble;
  opener = from;
  const phone = phoneOf(bubble);
  const form = menu.querySelector("form");
  form.elements.phone.value = phone.dataset.address;
  form.elements.chat.value = phone.dataset.chat;
  form.elements.message.value = bubble.dataset.id;
  form.elements.reaction.value = "";
  form.elements.emoji.value = "";
  menu.querySelector("[data-act=replay]").hidden = !bubble.dataset.effect;
  menu.showPopover();
  beside(menu, bubble.querySelector(".body"));
  menu.querySelector("button").focus();
}

const acts = {
  reply(bubble) {
    const form = phoneOf(bubble).querySelector(".composer");
    answer(form, bubble.dataset.id, bubble.querySelector(".text")?.textContent ?? "this");
    form.elements.text.focus();
  },
  copy(bubble) { navigator.clipboard?.writeText([...bubble.querySelectorAll(".text")].map((text) => text.textContent).join("\n")); },
  replay(bubble) { play(bubble.dataset.effect, bubble); },
  story(bubble) {
    const place = new URL(location.href);
    const piece = (text) => encodeURIComponent(text).replaceAll("~", "%7E");
    place.searchParams.set("pane", "wire");
    place.searchParams.set("m", `${piece(bubble.dataset.vendor)}~${piece(bubble.dataset.id)}`);
    htmx.ajax("GET", `/_phone/stage${place.search}`, { target: "#stage", swap: "innerHTML" });
  },
};

// ── events ──────────────────────────────────────────────────────────────────────────────────────────────────────

addEventListener("click", (event) => {
  const button = event.target.closest("button, a");
  const bubble = event.target.closest(".bubble");
  if (bubble?.classList.contains("ink") && !button) { bubble.classList.remove("ink"); return; }
  if (bubble && !button && !event.target.closest("video") && !getSelection().toString()) { open(bubble, bubble.querySelector(".body")); return; }
  if (!button) return;
  if (button.matches("[popover] a")) button.closest("[popover]").hidePopover();
  if (button.matches(".more")) open(bubble, button);
  else if (button.matches(".replay")) play(bubble.dataset.effect, bubble);
  else if (button.matches(".play")) toggle(button);
  else if ("copy" in button.dataset) {
    navigator.clipboard?.writeText(button.parentElement.querySelector("code").textContent);
    button.textContent = "Copied";
  } else if (button.dataset.do) act(button.dataset.do, phoneOf(button), { message: bubble.dataset.id });
  else if (button.dataset.act && chosen) { menu.hidePopover(); acts[button.dataset.act](chosen); }
  else if (button.dataset.reaction) menu.querySelector("form").elements.reaction.value = button.dataset.reaction;
  else if (button.closest(".composer")) compose(button);
});

function compose(button) {
  const form = button.closest(".composer");
  const extras = form.querySelector(".extras");
  if (button.matches(".chip .drop")) button.closest(".chip").remove();
  else if (button.matches(".answering .drop")) answer(form, "", "");
  else if (button.matches(".with-effect .drop")) choose(form, "");
  else if (button.matches("[data-pick]")) { extras.hidePopover(); form.querySelector(".picker").click(); }
  else if (button.matches("[data-subject]")) { extras.hidePopover(); form.elements.subject.hidden = false; form.elements.subject.focus(); }
  else if (button.dataset.choose) { extras.hidePopover(); choose(form, button.dataset.choose); form.elements.text.focus(); }
  else if (button.matches(".mic")) record(button, (file) => attach(form, [file]), tell);
  form.classList.toggle("idle", isIdle(form));
}

addEventListener("input", (event) => { if (event.target.matches(".composer textarea")) refresh(event.target.form); });
addEventListener("change", (event) => {
  if (!event.target.matches(".picker")) return;
  attach(event.target.form, event.target.files).then(() => { event.target.value = ""; });
});

addEventListener("keydown", (event) => {
  const target = event.target;
  if (target.matches(".composer textarea") && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (!isIdle(target.form)) target.form.requestSubmit();
  } else if (target.matches(".emoji") && event.key === "Enter") {
    event.preventDefault(); // the browser would press the first button, which is a heart
    target.form.elements.reaction.value = target.value;
    target.form.requestSubmit();
  } else if (target.matches(".bubble .body") && ["Enter", " ", "t", "T"].includes(event.key)) {
    event.preventDefault();
    open(target.closest(".bubble"), target);
  } else if (target.matches(".bubble .body") && ["r", "R"].includes(event.key)) {
    event.preventDefault();
    acts.reply(target.closest(".bubble"));
  } else if (target.matches(".bubble .body") && ["ArrowUp", "ArrowDown"].includes(event.key)) {
    const all = [...target.closest("ol").querySelectorAll(".body")];
    const next = all[all.indexOf(target) + (event.key === "ArrowUp" ? -1 : 1)];
    if (next) { event.preventDefault(); next.focus(); }
  } else if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    document.querySelector(".chats a")?.focus();
  }
});

menu.addEventListener("toggle", (event) => { if (event.newState === "closed" && menu.contains(document.activeElement)) opener?.focus(); });
menu.querySelector("form").addEventListener("submit", () => {
  queueMicrotask(() => { menu.hidePopover(); opener?.focus(); });
}, true);

addEventListener("toggle", (event) => {
  if (!event.target.matches(".sheet, .menu")) return;
  // htmx copies the style of what it replaces, which the policy would refuse
  if (event.newState !== "open") { event.target.removeAttribute("style"); return; }
  if (event.target.matches(".sheet")) beside(event.target, document.querySelector(`[popovertarget="${event.target.id}"]`));
}, true);

for (const name of ["dragover", "drop"]) {
  addEventListener(name, (event) => {
    const phone = event.target.closest?.(".phone.talking");
    if (!phone || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    phone.classList.toggle("dropping", name === "dragover");
    if (name === "drop") attach(phone.querySelector(".composer"), event.dataTransfer.files);
  });
}
addEventListener("dragleave", (event) => { event.target.closest?.(".phone")?.classList.remove("dropping"); });

// what was written is gone from the field as soon as it is on its way, and back when it was refused
document.addEventListener("htmx:before:request", (event) => {
  const form = event.target;
  if (!form.matches(".composer")) return;
  form.kept = [form.elements.text.value, form.elements.subject.value];
  clear(form);
});
document.addEventListener("htmx:finally:request", (event) => {
  const form = event.detail.ctx.sourceElement; // the event itself comes to the document where the form is gone
  if (!form.isConnected) return;
  const ok = event.detail.ctx.response?.raw?.ok;
  if (ok && form.matches("[data-closes]")) form.closest("[popover]")?.hidePopover();
  if (!ok && form.matches(".composer") && !form.elements.text.value) {
    [form.elements.text.value, form.elements.subject.value] = form.kept;
    form.classList.toggle("idle", isIdle(form));
  }
});

// ── what comes ──────────────────────────────────────────────────────────────────────────────────────────────────

function welcome(root) {
  for (const log of root.querySelectorAll(".log")) if (!log.dataset.followed) { log.dataset.followed = "yes"; follow(log); }
  for (const form of root.querySelectorAll(".composer")) if (!form.dataset.ready) { form.dataset.ready = "yes"; form.classList.add("idle"); }
  for (const bubble of root.querySelectorAll(".bubble[data-fresh]")) arrive(bubble);
  settle(root);
}

new MutationObserver(() => welcome(document)).observe(document.body, { childList: true, subtree: true });
welcome(document);
document.querySelector(".composer textarea")?.focus({ preventScroll: true });
