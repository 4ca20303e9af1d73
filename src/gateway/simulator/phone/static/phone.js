// What a page adds to the fragments that it is sent: gestures, the keyboard, sounds and animation. No state lives here.
import { act, beside, phoneOf, tell } from "./doing.js";
import { play, settle } from "./effects.js";
import { acts, choose as chooseAct, open, openThread, react } from "./menu.js";
import { record, toggle, waves } from "./voice.js";
import { answer, attach, choose, clear, edit, isIdle, picture, refresh } from "./writing.js";

const quiet = matchMedia("(prefers-reduced-motion: reduce)");

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

// ── events ──────────────────────────────────────────────────────────────────────────────────────────────────────

addEventListener("click", (event) => {
  const button = event.target.closest("button, a, label, input, summary");
  const bubble = event.target.closest(".bubble");
  if (bubble?.classList.contains("ink") && !button) { bubble.classList.remove("ink"); return; }
  if (bubble && !button && !event.target.closest("video") && !getSelection().toString()) { open(bubble, bubble.querySelector(".body") ?? bubble.querySelector(".more")); return; }
  if (!button) return;
  if (button.matches("[popover] a")) button.closest("[popover]").hidePopover();
  if (button.matches(".more, .edited")) open(bubble, button);
  else if ("thread" in button.dataset) { event.preventDefault(); openThread(phoneOf(button), button.dataset.thread); }
  else if (button.matches(".replay")) play(bubble.dataset.effect, bubble);
  else if (button.matches(".play")) toggle(button);
  else if ("copy" in button.dataset) {
    navigator.clipboard?.writeText(button.parentElement.querySelector("code").textContent);
    button.textContent = "Copied";
  } else if (button.dataset.do) act(button.dataset.do, phoneOf(button), { message: bubble.dataset.id, ...(button.dataset.option && { option: button.dataset.option }) });
  else if (button.dataset.act) chooseAct(button);
  else if (button.dataset.reaction) react(button);
  else if ("pickIcon" in button.dataset) button.form.querySelector(".icon-picker").click();
  else if (button.dataset.compose) composeLink(button);
  else if (button.closest(".composer")) compose(button);
});

function compose(button) {
  const form = button.closest(".composer");
  const extras = form.querySelector(".extras");
  if (button.matches(".chip .drop")) button.closest(".chip").remove();
  else if (button.matches(".answering .drop")) answer(form, "", "");
  else if (button.matches(".editing .drop")) edit(form, "");
  else if (button.matches(".with-effect .drop")) choose(form, "");
  else if (button.matches("[data-pick]")) { extras.hidePopover(); form.querySelector(".picker").click(); }
  else if (button.matches("[data-pick-voice]")) { extras.hidePopover(); form.querySelector(".voice-picker").click(); }
  else if (button.matches("[data-subject]")) { extras.hidePopover(); form.elements.subject.hidden = false; form.elements.subject.focus(); }
  else if (button.dataset.sheet) {
    extras.hidePopover();
    const sheet = document.getElementById(button.dataset.sheet);
    sheet.showPopover();
    sheet.querySelector("input:not([type=hidden]), select").focus();
  } else if (button.dataset.choose) { extras.hidePopover(); choose(form, button.dataset.choose); form.elements.text.focus(); }
  else if (button.matches(".mic")) record(form, button, (file) => attach(form, [file]), tell);
  form.classList.toggle("idle", isIdle(form));
}

/** A link composes a coded text; whoever sends it opts in. */
function composeLink(button) {
  const form = phoneOf(button).querySelector(".composer");
  button.closest("[popover]").hidePopover();
  form.elements.text.value = button.dataset.compose;
  refresh(form);
  form.elements.text.focus();
}

addEventListener("input", (event) => { if (event.target.matches(".composer textarea")) refresh(event.target.form); });
addEventListener("change", (event) => {
  const field = event.target;
  if (field.matches(".icon-picker") && field.files.length) picture(field.form, field.files[0]).then(() => { field.value = ""; });
  if (!field.matches(".picker, .voice-picker")) return;
  attach(field.form, field.files, field.matches(".voice-picker") ? "voice" : "").then(() => { field.value = ""; });
});
addEventListener("paste", (event) => {
  const form = event.target.closest?.(".composer");
  if (!form || !event.clipboardData.files.length) return;
  event.preventDefault();
  attach(form, event.clipboardData.files);
});

addEventListener("keydown", (event) => {
  const target = event.target;
  if (target.matches(".composer textarea") && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (!isIdle(target.form)) target.form.requestSubmit();
  } else if (target.matches(".composer textarea") && event.key === "ArrowUp" && !target.value && !target.form.elements.edits.value) {
    const own = [...phoneOf(target).querySelectorAll(".log .bubble.mine:not(.unsent)")].findLast((bubble) => bubble.querySelector(".text"));
    if (own) { event.preventDefault(); acts.edit(own, phoneOf(target)); }
  } else if (target.matches(".composer textarea") && event.key === "Escape") {
    answer(target.form, "", "");
    edit(target.form, "");
    choose(target.form, "");
  } else if (target.matches(".emoji") && event.key === "Enter") {
    event.preventDefault(); // the browser would press the first button, which is a heart
    target.form.elements.reaction.value = target.value;
    target.form.requestSubmit();
  } else if (target.matches(".bubble .body") && ["Enter", " ", "t", "T"].includes(event.key)) {
    event.preventDefault();
    open(target.closest(".bubble"), target);
  } else if (target.matches(".bubble .body") && ["r", "R"].includes(event.key)) {
    event.preventDefault();
    acts.reply(target.closest(".bubble"), phoneOf(target), "");
  } else if (target.matches(".bubble .body") && ["ArrowUp", "ArrowDown"].includes(event.key)) {
    const all = [...target.closest("ol").querySelectorAll(".body")];
    const next = all[all.indexOf(target) + (event.key === "ArrowUp" ? -1 : 1)];
    if (next) { event.preventDefault(); next.focus(); }
  } else if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    document.querySelector(".chats a")?.focus();
  }
});

addEventListener("toggle", (event) => {
  if (!event.target.matches(".sheet, .menu")) return;
  // htmx copies the style of what it replaces, which the policy would refuse
  if (event.newState !== "open") { event.target.removeAttribute("style"); return; }
  const sheet = event.target;
  if (!sheet.matches(".sheet") || sheet.id === "thread") return;
  beside(sheet, document.querySelector(`[popovertarget="${sheet.id}"]`) ?? phoneOf(sheet).querySelector(".composer .plus"));
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
  for (const note of root.querySelectorAll(".voice[data-voice]")) if (note.dataset.drawn !== note.dataset.voice) waves(note);
  settle(root);
}

new MutationObserver(() => welcome(document)).observe(document.body, { childList: true, subtree: true });
welcome(document);
document.querySelector(".composer textarea")?.focus({ preventScroll: true });
