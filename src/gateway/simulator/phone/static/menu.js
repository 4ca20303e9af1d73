// The menu of a bubble and the thread of its replies: both are fetched when they are opened.
import { act, beside, phoneOf, tell } from "./doing.js";
import { play } from "./effects.js";
import { answer, edit } from "./writing.js";

const menu = document.getElementById("menu");
const thread = document.getElementById("thread");
let chosen = null; // the bubble that the menu is about
let section = null; // the phone that it is on
let opener = null; // where the focus goes back to

async function asked(path, phone, message) {
  const query = new URLSearchParams({ phone: phone.dataset.address, chat: phone.dataset.chat, message });
  const answered = await fetch(`/_phone/${path}?${query}`, { headers: { "HX-Request": "true" } });
  return [answered.ok, await answered.text()]; // escaped where it was made
}

async function fetched(path, phone, message) {
  const [ok, html] = await asked(path, phone, message);
  if (ok) return html;
  tell(html);
  return "";
}

function fill(box, html) {
  box.innerHTML = html;
  htmx.process(box);
}

/** The stream may have put another element in the bubble's place. */
const stillThere = (bubble) => (bubble.isConnected ? bubble : document.getElementById(bubble.id));

export async function open(asked, from) {
  const phone = phoneOf(asked);
  const html = await fetched("menu", phone, asked.dataset.id);
  const bubble = stillThere(asked);
  if (!html || !bubble) return;
  [chosen, section, opener] = [bubble, phone, from.isConnected ? from : bubble.querySelector(".body")];
  fill(menu, html);
  menu.showPopover();
  beside(menu, bubble.querySelector(".body") ?? bubble);
  menu.querySelector("button:not(:disabled)").focus();
}

export async function openThread(phone, message) {
  const html = await fetched("thread", phone, message);
  if (!html) return;
  fill(thread, html);
  for (const bubble of thread.querySelectorAll(".log-of > li")) bubble.made = bubble.outerHTML;
  if (!thread.matches(":popover-open")) thread.showPopover();
  const main = document.querySelector(`.phone[data-address="${CSS.escape(phone.dataset.address)}"]`);
  const at = (main?.querySelector(".log") ?? document.body).getBoundingClientRect();
  thread.style.left = `${Math.max(8, at.left + (at.width - thread.offsetWidth) / 2)}px`;
  thread.style.top = `${Math.max(8, at.top + (at.height - thread.offsetHeight) / 2)}px`;
  thread.querySelector("[name=text]")?.focus();
}

let refreshing = null; // what is asked now, and whether something came since

/** Bring the open thread up to date; what is being written in it stays. */
async function refresh() {
  if (refreshing) { refreshing.again = true; return; }
  refreshing = {};
  do {
    refreshing.again = false;
    const of = thread.querySelector(".thread-of");
    if (!of || !thread.matches(":popover-open")) break;
    const [ok, html] = await asked("thread", of, of.dataset.root);
    if (!ok) thread.hidePopover(); // the message is gone, as after a reset
    else if (of.isConnected) lay(of.querySelector(".log-of"), html);
  } while (refreshing.again);
  refreshing = null;
}

function lay(list, html) {
  const fresh = [...new DOMParser().parseFromString(html, "text/html").querySelectorAll(".log-of > li")];
  const ids = new Set(fresh.map((bubble) => bubble.id));
  for (const bubble of [...list.children]) if (!ids.has(bubble.id)) bubble.remove();
  for (const bubble of fresh) {
    bubble.made = bubble.outerHTML;
    const there = list.querySelector(`#${CSS.escape(bubble.id)}`);
    if (!there) { list.append(bubble); thread.scrollTop = thread.scrollHeight; }
    else if (there.made !== bubble.made) there.replaceWith(bubble);
  }
}

document.addEventListener("htmx:sse:after:message", refresh);

/** The words of a bubble, or of the part that was chosen. */
function wordsOf(bubble, part) {
  const piece = bubble.querySelector(part ? `.piece[data-part="${part}"]` : ".piece");
  return (piece?.querySelector(".text") ?? piece)?.textContent.trim() || "this";
}

const composerOf = (phone) => document.querySelector(`.phone[data-address="${CSS.escape(phone.dataset.address)}"] .composer`);

export const acts = {
  reply(bubble, phone, part) {
    const form = composerOf(phone);
    thread.hidePopover();
    answer(form, bubble.dataset.id, wordsOf(bubble, part), part);
    form.elements.text.focus();
  },
  thread(bubble, phone) { openThread(phone, bubble.dataset.id); },
  stick(bubble, phone) { act("stick", phone, { message: bubble.dataset.id }); },
  edit(bubble, phone) {
    const form = composerOf(phone);
    edit(form, bubble.dataset.id, [...bubble.querySelectorAll(".text:not(.subject)")].map((text) => text.textContent).join("\n"));
    form.elements.text.focus();
  },
  unsend(bubble, phone) { act("unsend", phone, { message: bubble.dataset.id }); },
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

/** Do what a button of the menu says. */
export function choose(button) {
  const part = menu.querySelector("[name=part]:checked")?.value ?? "";
  const bubble = stillThere(chosen) ?? chosen;
  menu.hidePopover();
  acts[button.dataset.act](bubble, section, part);
}

export function react(button) { button.form.elements.reaction.value = button.dataset.reaction; }

menu.addEventListener("toggle", (event) => { if (event.newState === "closed" && menu.contains(document.activeElement)) opener?.focus(); });
menu.addEventListener("submit", () => { queueMicrotask(() => { menu.hidePopover(); opener?.focus(); }); }, true);
document.addEventListener("htmx:finally:request", (event) => {
  const form = event.detail.ctx.sourceElement;
  if (!form.matches?.("[data-thread-form]") || !event.detail.ctx.response?.raw?.ok) return;
  form.elements.text.value = "";
  refresh();
});
