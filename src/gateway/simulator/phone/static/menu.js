// The menu of a bubble and the thread of its replies: both are fetched when they are opened.
import { act, beside, phoneOf, tell } from "./doing.js";
import { play } from "./effects.js";
import { answer, edit } from "./writing.js";

const menu = document.getElementById("menu");
const thread = document.getElementById("thread");
let chosen = null; // the bubble that the menu is about
let section = null; // the phone that it is on
let opener = null; // where the focus goes back to

async function fetched(path, phone, message) {
  const asked = new URLSearchParams({ phone: phone.dataset.address, chat: phone.dataset.chat, message });
  const answered = await fetch(`/_phone/${path}?${asked}`, { headers: { "HX-Request": "true" } });
  const html = await answered.text();
  if (answered.ok) return html; // escaped where it was made
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
  if (!thread.matches(":popover-open")) thread.showPopover();
  const main = document.querySelector(`.phone[data-address="${CSS.escape(phone.dataset.address)}"]`);
  const at = (main?.querySelector(".log") ?? document.body).getBoundingClientRect();
  thread.style.left = `${Math.max(8, at.left + (at.width - thread.offsetWidth) / 2)}px`;
  thread.style.top = `${Math.max(8, at.top + (at.height - thread.offsetHeight) / 2)}px`;
  thread.querySelector("[name=text]")?.focus();
}

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
  const of = form.closest(".thread-of");
  openThread(of, of.dataset.root);
});
