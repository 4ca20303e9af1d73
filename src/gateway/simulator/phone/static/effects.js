// Apple's thirteen effects: four that the bubble itself plays (in the style sheet), nine on a canvas over the chat.

const BUBBLE = { slam: 800, loud: 1400, gentle: 2000 };
const BRIGHT = ["#ff453a", "#ff9f0a", "#ffd60a", "#30d158", "#0a84ff", "#5e5ce6", "#bf5af2", "#ff375f"];
const GOLD = ["#ffd60a", "#ffe066", "#fff3b0", "#ffb300"];
const quiet = matchMedia("(prefers-reduced-motion: reduce)");
const between = (low, high) => low + Math.random() * (high - low);
const one = (list) => list[Math.floor(Math.random() * list.length)];

/** Play an effect on a bubble; with reduced motion the words below it have to do. */
export function play(effect, bubble) {
  if (!effect || quiet.matches) return;
  if (effect === "invisible-ink") bubble.classList.add("ink");
  else if (BUBBLE[effect]) onBubble(effect, bubble);
  else if (effect === "echo") echo(bubble);
  else if (effect === "spotlight") spotlight(bubble);
  else sky(effect, bubble);
}

/** Hide what was written in invisible ink, once for each page. */
export function settle(root) {
  if (quiet.matches) return;
  for (const bubble of root.querySelectorAll('.bubble[data-effect="invisible-ink"]:not([data-inked])')) {
    bubble.dataset.inked = "yes";
    bubble.classList.add("ink");
  }
}

function onBubble(effect, bubble) {
  const name = `playing-${effect}`;
  bubble.classList.remove(name);
  void bubble.offsetWidth; // begin anew
  bubble.classList.add(name);
  const log = bubble.closest(".log");
  if (effect === "slam") log.classList.add("shaken");
  setTimeout(() => { bubble.classList.remove(name); log.classList.remove("shaken"); }, BUBBLE[effect] + 200);
}

function echo(bubble) {
  const talk = bubble.closest(".talk");
  const from = bubble.querySelector(".text, .card, .voice") ?? bubble;
  const box = from.getBoundingClientRect();
  const frame = talk.getBoundingClientRect();
  for (let copy = 0; copy < 22; copy += 1) {
    const twin = document.createElement("div");
    twin.className = `echo-copy ${bubble.className.replace("bubble", "").replace("last", "")}`;
    twin.setAttribute("aria-hidden", "true");
    twin.append(from.cloneNode(true));
    Object.assign(twin.style, { left: `${box.left - frame.left}px`, top: `${box.top - frame.top}px`, width: `${box.width}px`, animationDelay: `${copy * 55}ms` });
    twin.style.setProperty("--dx", `${between(-box.left + frame.left, frame.right - box.right)}px`);
    twin.style.setProperty("--dy", `${between(-frame.height * 0.8, 40)}px`);
    twin.style.setProperty("--by", between(0.6, 1.5).toFixed(2));
    twin.style.setProperty("--turn", `${between(-14, 14)}deg`);
    twin.addEventListener("animationend", () => twin.remove());
    talk.append(twin);
  }
}

function spotlight(bubble) {
  const talk = bubble.closest(".talk");
  const box = bubble.querySelector(".body").getBoundingClientRect();
  const frame = talk.getBoundingClientRect();
  talk.style.setProperty("--spot-x", `${box.left + box.width / 2 - frame.left}px`);
  talk.style.setProperty("--spot-y", `${box.top + box.height / 2 - frame.top}px`);
  talk.classList.remove("spot");
  void talk.offsetWidth;
  talk.classList.add("spot");
  setTimeout(() => talk.classList.remove("spot"), 2500);
}

// ── the sky: particles with a place, a speed and a way to be drawn ───────────────────────────────────────────────

function sky(effect, bubble) {
  const canvas = bubble.closest(".talk").querySelector(".sky");
  const make = SKIES[effect];
  if (!canvas || !make) return;
  const ratio = Math.min(devicePixelRatio, 2);
  const { width, height } = canvas.getBoundingClientRect();
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const scene = make(width, height, bubble);
  const began = performance.now();
  const round = (canvas.round = (canvas.round ?? 0) + 1);
  let before = began;
  canvas.dataset.playing = effect;
  const frame = (now) => {
    const age = (now - began) / 1000;
    const step = Math.min((now - before) / 1000, 0.05);
    before = now;
    pen.clearRect(0, 0, width, height);
    if (canvas.round !== round) return;
    if (age > scene.seconds || !canvas.isConnected) { delete canvas.dataset.playing; return; }
    pen.globalAlpha = Math.min(1, (scene.seconds - age) * 2);
    scene.draw(pen, age, step);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

function flying(things, seconds, move, draw) {
  return {
    seconds,
    draw(pen, age, step) {
      for (const thing of things) {
        if (age < (thing.from ?? 0)) continue;
        move(thing, step, age);
        pen.save();
        pen.translate(thing.x, thing.y);
        draw(pen, thing, age);
        pen.restore();
      }
    },
  };
}

const SKIES = {
  balloons(width, height) {
    const balloons = Array.from({ length: 18 }, () => ({
      x: between(0, width), y: height + between(40, 380), up: between(170, 260), sway: between(0, 6), size: between(22, 36), colour: one(BRIGHT),
    }));
    return flying(balloons, 4.5, (b, step, age) => { b.y -= b.up * step; b.x += Math.sin(age * 2 + b.sway) * 0.6; }, (pen, b) => {
      pen.strokeStyle = "rgb(140 140 150 / 70%)";
      pen.beginPath(); pen.moveTo(0, b.size * 1.2); pen.quadraticCurveTo(8, b.size * 2, 0, b.size * 2.8); pen.stroke();
      const shine = pen.createRadialGradient(-b.size / 3, -b.size / 2, 2, 0, 0, b.size * 1.3);
      shine.addColorStop(0, "#fff"); shine.addColorStop(0.25, b.colour); shine.addColorStop(1, b.colour);
      pen.fillStyle = shine;
      pen.beginPath(); pen.ellipse(0, 0, b.size, b.size * 1.2, 0, 0, Math.PI * 2); pen.fill();
    });
  },
  confetti(width, height) {
    const scraps = Array.from({ length: 170 }, () => ({
      x: between(0, width), y: between(-height, -10), down: between(170, 330), turn: between(-5, 5), sway: between(0, 6), colour: one(BRIGHT), size: between(5, 10),
    }));
    return flying(scraps, 4, (s, step, age) => { s.y += s.down * step; s.x += Math.sin(age * 3 + s.sway) * 1.2; }, (pen, s, age) => {
      pen.rotate(age * s.turn);
      pen.scale(1, Math.cos(age * s.turn * 1.7));
      pen.fillStyle = s.colour;
      pen.fillRect(-s.size / 2, -s.size / 3, s.size, s.size * 0.66);
    });
  },
  love(width, height, bubble) {
    const box = bubble.querySelector(".body").getBoundingClientRect();
    const frame = bubble.closest(".talk").getBoundingClientRect();
    const hearts = [{ x: box.left + box.width / 2 - frame.left, y: box.top - frame.top, from: 0 }];
    return flying(hearts, 2.8, (h, step, age) => { if (age > 1.6) { h.y -= 520 * step * (age - 1.4) * 2; h.x += 60 * step; } }, (pen, h, age) => {
      const size = 6 * Math.min(age * 1.4, 1.5) * (1 + Math.sin(age * 9) * 0.05);
      pen.scale(size, size);
      pen.fillStyle = "#ff2d55";
      pen.shadowColor = "#ff2d5588"; pen.shadowBlur = 24;
      pen.beginPath(); pen.moveTo(0, 4); pen.bezierCurveTo(-12, -3, -7, -13, 0, -7.5); pen.bezierCurveTo(7, -13, 12, -3, 0, 4); pen.fill();
    });
  },
  lasers(width, height) {
    const beams = Array.from({ length: 14 }, (_, at) => ({ x: width / 2, y: height, turn: at / 14 * Math.PI, speed: between(-1.6, 1.6), colour: one(["#ff2d55", "#0af", "#3f6", "#f0f", "#fd0"]) }));
    return {
      seconds: 3.4,
      draw(pen, age) {
        pen.fillStyle = "rgb(0 0 0 / 72%)"; pen.fillRect(0, 0, width, height);
        pen.globalCompositeOperation = "lighter";
        for (const beam of beams) {
          const at = beam.turn + Math.sin(age * beam.speed * 2) * 0.9;
          pen.strokeStyle = beam.colour; pen.lineWidth = 3; pen.shadowColor = beam.colour; pen.shadowBlur = 18;
          pen.beginPath(); pen.moveTo(beam.x, beam.y * 0.55); pen.lineTo(beam.x + Math.cos(at) * 1400, beam.y * 0.55 - Math.sin(at) * 1400); pen.stroke();
        }
        pen.globalCompositeOperation = "source-over"; pen.shadowBlur = 0;
      },
    };
  },
  fireworks(width, height) { return bursts(width, height, BRIGHT, 9, 4); },
  celebration(width, height) { return bursts(width, height, GOLD, 7, 3.6, height * 0.08); },
  "shooting-star"(width, height) {
    const tail = [];
    return {
      seconds: 2.6,
      draw(pen, age) {
        pen.fillStyle = `rgb(4 8 40 / ${Math.min(age * 2, 0.55)})`; pen.fillRect(0, 0, width, height);
        const along = age / 1.7;
        const star = { x: -40 + (width + 220) * along, y: height * 0.5 - Math.sin(along * 2.1) * height * 0.38 };
        tail.push({ ...star, age });
        for (const spark of tail) {
          const old = age - spark.age;
          if (old > 0.7) continue;
          pen.fillStyle = `hsl(${48 + old * 160} 100% 75% / ${0.9 - old * 1.25})`;
          pen.beginPath(); pen.arc(spark.x + between(-3, 3) * old * 9, spark.y + between(-3, 3) * old * 9, 7 * (1 - old), 0, Math.PI * 2); pen.fill();
        }
        pen.fillStyle = "#fff"; pen.shadowColor = "#ffe680"; pen.shadowBlur = 26;
        pen.beginPath(); pen.arc(star.x, star.y, 8, 0, Math.PI * 2); pen.fill(); pen.shadowBlur = 0;
      },
    };
  },
};

function bursts(width, height, colours, count, seconds, floor = null) {
  const sparks = [];
  for (let burst = 0; burst < count; burst += 1) {
    const x = between(width * 0.15, width * 0.85);
    const y = floor ?? between(height * 0.12, height * 0.55);
    const colour = one(colours);
    for (let at = 0; at < 46; at += 1) {
      const way = between(0, Math.PI * 2);
      const speed = between(30, 210);
      sparks.push({ x, y, across: Math.cos(way) * speed, down: Math.sin(way) * speed, colour: Math.random() < 0.2 ? "#fff" : colour, from: burst * 0.3, life: between(0.8, 1.5) });
    }
  }
  return flying(sparks, seconds, (s, step) => { s.x += s.across * step; s.y += s.down * step; s.down += 120 * step; s.across *= 0.985; }, (pen, s, age) => {
    const left = 1 - (age - s.from) / s.life;
    if (left <= 0) return;
    pen.globalAlpha *= left;
    pen.fillStyle = s.colour; pen.shadowColor = s.colour; pen.shadowBlur = 8;
    pen.beginPath(); pen.arc(0, 0, 2.6 * left + 0.6, 0, Math.PI * 2); pen.fill();
  });
}
