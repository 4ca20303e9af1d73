// Voice notes: played in place with a waveform that fills, and recorded where the browser has a microphone.

let playing = null;

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function shape(button, name) {
  button.querySelector("use").setAttribute("href", `#i-${name}`);
}

/** Play a voice note, or pause it. */
export function toggle(button) {
  const note = button.closest(".voice");
  if (playing?.button === button) { playing.audio.paused ? playing.audio.play() : playing.audio.pause(); return; }
  playing?.audio.pause();
  const audio = new Audio(note.dataset.voice);
  const bars = [...note.querySelectorAll("rect")];
  playing = { audio, button };
  audio.addEventListener("play", () => shape(button, "pause"));
  for (const end of ["pause", "ended", "error"]) audio.addEventListener(end, () => shape(button, "play"));
  audio.addEventListener("timeupdate", () => {
    const part = audio.duration ? audio.currentTime / audio.duration : 0;
    bars.forEach((bar, at) => bar.classList.toggle("past", at / bars.length > part));
    note.querySelector(".length").textContent = clock(audio.currentTime);
  });
  audio.addEventListener("ended", () => { bars.forEach((bar) => bar.classList.remove("past")); playing = null; });
  audio.addEventListener("error", () => { note.querySelector(".length").textContent = "cannot be played"; playing = null; });
  audio.play().catch(() => shape(button, "play"));
}

// ── the shape of a sound ────────────────────────────────────────────────────────────────────────────────────────

const shapes = new Map(); // heights of bars by source, or a promise of them

async function heights(source, count) {
  const context = new OfflineAudioContext(1, 1, 8000);
  const sound = await context.decodeAudioData(await (await fetch(source)).arrayBuffer());
  const data = sound.getChannelData(0);
  const step = Math.max(1, Math.floor(data.length / count));
  const loud = Array.from({ length: count }, (_, bar) => {
    let most = 0;
    for (let at = bar * step; at < Math.min((bar + 1) * step, data.length); at += 1) most = Math.max(most, Math.abs(data[at]));
    return most;
  });
  const top = Math.max(...loud, 0.01);
  return { bars: loud.map((each) => 3 + 18 * each / top), seconds: sound.duration };
}

/** Draw a voice note as it sounds, where the browser can read it; otherwise its made-up waves stay. */
export async function waves(note) {
  const source = note.dataset.voice;
  note.dataset.drawn = source;
  if (!source) return;
  const bars = [...note.querySelectorAll("rect")];
  if (!shapes.has(source)) shapes.set(source, heights(source, bars.length).catch(() => null));
  const shape = await shapes.get(source);
  if (!shape) return;
  bars.forEach((bar, at) => {
    bar.setAttribute("height", shape.bars[at].toFixed(1));
    bar.setAttribute("y", ((24 - shape.bars[at]) / 2).toFixed(1));
  });
  if (playing?.button.closest(".voice") !== note) note.querySelector(".length").textContent = clock(shape.seconds);
}

// ── recording ───────────────────────────────────────────────────────────────────────────────────────────────────

let recorder = null;

/** Record until the button is pressed again; `done` gets the file, unless the recording is thrown away. */
export async function record(form, button, done, tell) {
  if (recorder) { recorder.stop(); return; }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    tell("There is no microphone for this page: choose Voice note from a file instead");
    return;
  }
  const pieces = [];
  const strip = form.querySelector(".recording");
  const end = watch(stream, strip);
  let wanted = true;
  const type = ["audio/mp4", "audio/webm"].find((each) => MediaRecorder.isTypeSupported(each));
  recorder = new MediaRecorder(stream, type ? { mimeType: type } : {});
  recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
  recorder.addEventListener("stop", () => {
    const plain = recorder.mimeType.split(";")[0];
    recorder = null;
    end();
    button.classList.remove("on");
    button.setAttribute("aria-label", "Record a voice note");
    for (const track of stream.getTracks()) track.stop();
    const ending = plain === "audio/mp4" ? "m4a" : plain.split("/")[1] ?? "webm";
    if (wanted) done(new File(pieces, `voice-note.${ending}`, { type: plain }));
  });
  strip.querySelector(".drop").onclick = () => { wanted = false; recorder?.stop(); };
  recorder.start();
  button.classList.add("on");
  button.setAttribute("aria-label", "Stop recording");
}

/** Show the time and how loud it is; gives what ends that. */
function watch(stream, strip) {
  const context = new AudioContext();
  const ear = context.createAnalyser();
  ear.fftSize = 256;
  context.createMediaStreamSource(stream).connect(ear);
  const levels = strip.querySelector(".levels");
  const pen = levels.getContext("2d");
  const heard = new Uint8Array(ear.fftSize);
  const loud = [];
  const began = performance.now();
  strip.hidden = false;
  const timer = setInterval(() => {
    ear.getByteTimeDomainData(heard);
    loud.push(Math.max(...heard.map((each) => Math.abs(each - 128))) / 128);
    if (loud.length > 40) loud.shift();
    pen.clearRect(0, 0, levels.width, levels.height);
    pen.fillStyle = getComputedStyle(strip).color;
    loud.forEach((each, at) => { const height = Math.max(2, each * 20); pen.fillRect(at * 4, (22 - height) / 2, 2.4, height); });
    strip.querySelector(".time").textContent = clock((performance.now() - began) / 1000);
  }, 90);
  return () => { clearInterval(timer); context.close(); strip.hidden = true; };
}
