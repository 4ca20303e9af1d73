// Forms that no button holds: what a gesture asks for, and what is told when it cannot be.

const notice = document.getElementById("notice");

/** The phone that an element is on, or the thread of one. */
export const phoneOf = (element) => element.closest("[data-address]");

export async function act(deed, section, more = {}) {
  const fields = new URLSearchParams({ phone: section.dataset.address, chat: section.dataset.chat, ...more });
  const answer = await fetch(`/_phone/do/${deed}`, { method: "POST", body: fields, headers: { "HX-Request": "true" } });
  if (!answer.ok) tell(await answer.text());
  return answer.ok;
}

export function tell(html) {
  const read = new DOMParser().parseFromString(html, "text/html");
  notice.textContent = read.body.textContent.trim();
}

/** Put a sheet or a menu beside what it is about, inside the window. */
export function beside(box, anchor) {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = box;
  const left = Math.min(Math.max(8, at.left), innerWidth - width - 8);
  const below = at.bottom + 6 + height < innerHeight;
  box.style.left = `${left}px`;
  box.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - height - 6)}px`;
}
