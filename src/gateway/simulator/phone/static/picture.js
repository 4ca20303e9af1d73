// A chat as a picture: what the page shows is painted onto a canvas, box by box and line by line, and saved as PNG.
// (An SVG with the page inside would be shorter; the policy for content allows neither its images nor its styles.)

const SCALE = 2;
const MOST_PIXELS = 15000; // browsers have no higher canvas
const HEAD = 58;
const LEFT_OUT = ".more, .visually-hidden, .again, .replay, [popover], canvas";

const clear = (color) => !color || color === "transparent" || /,\s*0\)$/.test(color);

class Painter {
  constructor(context, origin) {
    this.context = context;
    this.origin = origin;
  }

  box(rect) {
    return [rect.left - this.origin.left, rect.top - this.origin.top, rect.width, rect.height];
  }

  element(element, alpha) {
    if (element.matches(LEFT_OUT)) return;
    const style = getComputedStyle(element);
    const seen = alpha * Number(style.opacity);
    if (style.display === "none" || style.visibility === "hidden" || seen === 0) return;
    this.context.globalAlpha = seen;
    if (element instanceof SVGSVGElement) { this.icon(element, style); return; }
    this.ground(element, style);
    if (element instanceof HTMLImageElement) this.image(element, style);
    for (const child of element.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) this.words(child, style, seen);
      else if (child.nodeType === Node.ELEMENT_NODE) this.element(child, seen);
    }
  }

  ground(element, style) {
    const box = this.box(element.getBoundingClientRect());
    const stops = style.backgroundImage.startsWith("linear-gradient") ? style.backgroundImage.match(/rgba?\([^)]*\)/g) : null;
    if (clear(style.backgroundColor) && !stops && !parseFloat(style.borderTopWidth)) return;
    this.context.beginPath();
    this.context.roundRect(...box, Math.min(parseFloat(style.borderTopLeftRadius) || 0, box[2] / 2, box[3] / 2));
    if (stops) {
      const gradient = this.context.createLinearGradient(0, box[1], 0, box[1] + box[3]);
      stops.forEach((stop, at) => gradient.addColorStop(at / Math.max(1, stops.length - 1), stop));
      this.context.fillStyle = gradient;
      this.context.fill();
    } else if (!clear(style.backgroundColor)) {
      this.context.fillStyle = style.backgroundColor;
      this.context.fill();
      if (getComputedStyle(element, "::before").content === '""' && element.matches(".bubble .body *")) this.tail(element, box);
    }
    const width = parseFloat(style.borderTopWidth);
    if (width && style.borderTopStyle !== "none" && !clear(style.borderTopColor)) {
      this.context.lineWidth = width;
      this.context.strokeStyle = style.borderTopColor;
      this.context.stroke();
    }
  }

  tail(element, [left, top, width, height]) {
    const mine = Boolean(element.closest(".mine"));
    const [edge, side, low] = mine ? [left + width, 1, top + height] : [left, -1, top + height];
    this.context.beginPath();
    this.context.moveTo(edge - side * 14, low - 14);
    this.context.lineTo(edge, low - 14);
    this.context.quadraticCurveTo(edge, low - 2, edge + side * 6, low);
    this.context.quadraticCurveTo(edge - side * 4, low + 1, edge - side * 14, low - 4);
    this.context.fill();
  }

  image(element, style) {
    if (!element.complete || !element.naturalWidth) return;
    const box = this.box(element.getBoundingClientRect());
    this.context.save();
    this.context.beginPath();
    this.context.roundRect(...box, parseFloat(style.borderTopLeftRadius) || 0);
    this.context.clip();
    this.context.drawImage(element, ...box);
    this.context.restore();
  }

  icon(element, style) {
    const source = element.querySelector("use");
    const shapes = (source ? document.querySelector(source.getAttribute("href")) : element) ?? element;
    const [left, top, width] = this.box(element.getBoundingClientRect());
    const view = (shapes.getAttribute("viewBox") ?? element.getAttribute("viewBox") ?? "0 0 24 24").split(/\s+/).map(Number);
    this.context.save();
    this.context.translate(left, top);
    this.context.scale(width / view[2], width / view[2]);
    for (const shape of shapes.querySelectorAll("path, circle, rect")) this.shape(shape, style.color);
    this.context.restore();
  }

  shape(shape, color) {
    const number = (name) => Number(shape.getAttribute(name) ?? 0);
    const path = new Path2D(shape.getAttribute("d") ?? "");
    if (shape.tagName === "circle") path.arc(number("cx"), number("cy"), number("r"), 0, 2 * Math.PI);
    if (shape.tagName === "rect") path.roundRect(number("x"), number("y"), number("width"), number("height"), number("rx"));
    const own = getComputedStyle(shape);
    const inked = (value) => (value === "none" || clear(value) ? null : value.startsWith("rgb") ? value : color);
    const [fill, stroke] = [inked(own.fill), inked(own.stroke)];
    if (fill) { this.context.fillStyle = fill; this.context.fill(path, own.fillRule); }
    if (stroke) { this.context.strokeStyle = stroke; this.context.lineWidth = parseFloat(own.strokeWidth) || 1; this.context.lineCap = own.strokeLinecap; this.context.stroke(path); }
  }

  words(node, style, alpha) {
    if (!node.textContent.trim() || clear(style.color)) return;
    this.context.globalAlpha = alpha;
    this.context.fillStyle = style.color;
    this.context.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    this.context.direction = style.direction;
    this.context.textAlign = "left";
    const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = this.context.measureText("x");
    for (const line of linesOf(node)) {
      const [left, top, , height] = this.box(line.rect);
      this.context.fillText(line.text, left, top + (height + above - below) / 2);
    }
  }
}

/** Give the lines into which a text was broken, each with where it stands. */
function linesOf(node) {
  const lines = [];
  const range = document.createRange();
  let at = 0;
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(node.textContent)) {
    range.setStart(node, at);
    range.setEnd(node, (at += segment.length));
    const rect = range.getBoundingClientRect();
    if (!rect.width || segment === "\n") continue;
    const line = lines.at(-1);
    if (line && Math.abs(line.rect.top - rect.top) < rect.height / 2) {
      line.text += segment;
      const left = Math.min(line.rect.left, rect.left);
      line.rect = new DOMRect(left, line.rect.top, Math.max(line.rect.right, rect.right) - left, line.rect.height);
    } else lines.push({ text: segment, rect: new DOMRect(rect.left, rect.top, rect.width, rect.height) });
  }
  return lines;
}

function head(context, phone, width) {
  const ink = getComputedStyle(phone);
  const title = phone.querySelector(".head .whose strong")?.textContent.trim() ?? "";
  const line = phone.querySelector(".head .whose small")?.textContent.trim() ?? "";
  const soft = getComputedStyle(document.documentElement).getPropertyValue("--soft");
  context.textAlign = "center";
  context.fillStyle = ink.color;
  context.font = `600 15px ${ink.fontFamily}`;
  context.fillText(title, width / 2, 24);
  context.fillStyle = soft;
  context.font = `12px ${ink.fontFamily}`;
  context.fillText(`${phone.getAttribute("aria-label")} · ${line}`, width / 2, 42);
  context.fillRect(0, HEAD - 6, width, 0.5);
}

/** Paint the open chat of a phone; gives the canvas. */
export function paint(phone) {
  const list = phone.querySelector(".log > ol");
  const rect = list.getBoundingClientRect();
  const height = rect.height + HEAD + 16;
  const scale = Math.min(SCALE, MOST_PIXELS / height);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(rect.width * scale), Math.round(height * scale)];
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.fillStyle = getComputedStyle(phone).backgroundColor;
  context.fillRect(0, 0, rect.width, height);
  head(context, phone, rect.width);
  const painter = new Painter(context, { left: rect.left, top: rect.top - HEAD });
  for (const bubble of list.children) painter.element(bubble, 1);
  return canvas;
}

addEventListener("click", (event) => {
  if (!event.target.closest("[data-picture]")) return;
  const phone = document.querySelector(".phone.talking");
  if (!phone) { document.getElementById("notice").textContent = "Open a chat first: the picture is of the chat that is open"; return; }
  paint(phone).toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = "chat.png";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
});
