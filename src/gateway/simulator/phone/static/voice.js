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

let recorder = null;

/** Record until the button is pressed again; `done` gets the file. */
export async function record(button, done, tell) {
  if (recorder) { recorder.stop(); return; }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    tell("There is no microphone for this page: attach a sound file named voice-note instead");
    return;
  }
  const pieces = [];
  recorder = new MediaRecorder(stream);
  recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
  recorder.addEventListener("stop", () => {
    const type = recorder.mimeType.split(";")[0];
    recorder = null;
    button.classList.remove("on");
    button.setAttribute("aria-label", "Record a voice note");
    for (const track of stream.getTracks()) track.stop();
    done(new File(pieces, `voice-note.${type.split("/")[1] ?? "webm"}`, { type }));
  });
  recorder.start();
  button.classList.add("on");
  button.setAttribute("aria-label", "Stop recording");
}
