// What moves on the console: the stream of events, its pause, and times that grow older.

const rows = document.querySelector("#rows[data-stream]");
const pause = document.querySelector("#pause");
const MOST = 200;
let held = [];

function add(html) {
  const holder = document.createElement("tbody");
  holder.innerHTML = html; // rendered and escaped by the service; the policy for content runs no script in it
  const row = holder.firstElementChild;
  if (!row) return;
  rows.prepend(row);
  while (rows.children.length > MOST) rows.lastElementChild.remove();
}

if (rows) {
  const stream = new EventSource(rows.dataset.stream);
  stream.addEventListener("row", (event) => {
    if (pause?.getAttribute("aria-pressed") === "true") {
      held.push(event.data);
      pause.textContent = `Go on (${held.length} new)`;
    } else add(event.data);
  });
  addEventListener("pagehide", () => stream.close());
}

pause?.addEventListener("click", () => {
  const stopped = pause.getAttribute("aria-pressed") !== "true";
  pause.setAttribute("aria-pressed", String(stopped));
  pause.textContent = stopped ? "Go on" : "Pause";
  if (!stopped) {
    held.forEach(add);
    held = [];
  }
});

const STEPS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

function older() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
    const [size, unit] = STEPS.find(([least]) => Math.abs(seconds) >= least) ?? [1, "s"];
    const span = `${Math.round(Math.abs(seconds) / size)} ${unit}`;
    time.textContent = Math.abs(seconds) < 1 ? "now" : seconds > 0 ? `${span} ago` : `in ${span}`;
  }
}

setInterval(older, 5000);
