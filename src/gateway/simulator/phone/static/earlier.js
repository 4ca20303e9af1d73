// Who asks for earlier messages goes on reading where they were: the bubble that was the first stays where it stood.

let kept = null;
const bodyOf = (bubble) => bubble.querySelector(".body") ?? bubble;

addEventListener("click", (event) => {
  const log = event.target.closest(".earlier a")?.closest(".log");
  const bubble = log?.querySelector(".bubble");
  // its body, for what stands above it may go when it is the first no longer
  if (bubble) kept = { log, id: bubble.id, top: bodyOf(bubble).getBoundingClientRect().top };
}, true);

new MutationObserver(() => {
  const bubble = kept && document.getElementById(kept.id);
  const log = bubble?.closest(".log");
  if (!log || log === kept.log) return;
  const { top } = kept;
  kept = null;
  // a log that is new goes to its end first, once it is laid out
  requestAnimationFrame(() => requestAnimationFrame(() => { log.scrollTop += bodyOf(bubble).getBoundingClientRect().top - top; }));
}).observe(document.getElementById("stage"), { childList: true });
