// Audio: a full player with a waveform for files, a small button for links to clips. One sounds at a time.

import { h, icon } from "./dom.js";
import { length } from "./time.js";

const AUDIO_PATH = /\.(wav|mp3|flac|ogg|oga|opus|m4a|aac|aif|aiff|webm)$/i;
const BARS = 96;
const LARGEST_DRAWN_BYTES = 30_000_000;
let sounding = null;

export function isAudioUrl(url) {
  try {
    return AUDIO_PATH.test(new URL(url, location.href).pathname);
  } catch {
    return false;
  }
}

function sound(audio) {
  if (sounding && sounding !== audio) sounding.pause();
  sounding = audio;
  return audio.play();
}

// The part of a media address that plays: `#t=30,40`.
function part(url) {
  const match = /#t=([\d.]+)(?:,([\d.]+))?/.exec(url);
  return match ? [Number(match[1]), match[2] ? Number(match[2]) : Infinity] : [0, Infinity];
}

function toggled(audio, button, name) {
  const show = () => {
    const playing = !audio.paused;
    button.replaceChildren(icon(playing ? "pause" : "play", button.classList.contains("small") ? 14 : 20));
    button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${name}`);
    button.setAttribute("aria-pressed", String(playing));
  };
  for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, show);
  show();
}

export function clipButton(url, name) {
  const [start, end] = part(url);
  const audio = new Audio();
  audio.preload = "none";
  const button = h("button.play.small", { type: "button", title: `Play ${name}` });
  toggled(audio, button, name);
  button.addEventListener("click", () => {
    if (!audio.paused) {
      audio.pause();
      return;
    }
    if (!audio.src) audio.src = url;
    if (audio.currentTime < start || audio.currentTime >= end) audio.currentTime = start;
    sound(audio).catch(() => button.classList.add("failed"));
  });
  audio.addEventListener("timeupdate", () => {
    const last = Number.isFinite(end) ? end : audio.duration;
    button.style.setProperty("--played", String((audio.currentTime - start) / Math.max(0.1, last - start)));
    if (audio.currentTime >= end) audio.pause();
  });
  return button;
}

export function player(url, name, seconds, size) {
  const audio = new Audio(url);
  audio.preload = "metadata";
  const button = h("button.play", { type: "button" });
  toggled(audio, button, name);
  button.addEventListener("click", () => (audio.paused ? sound(audio).catch(() => {}) : audio.pause()));
  const wave = h("canvas.wave", { width: 600, height: 56, "aria-hidden": "true" });
  const seek = h("input.seek", { type: "range", min: 0, max: 1000, value: 0, "aria-label": `Position in ${name}` });
  const time = h("span.audio-time", {}, length(seconds ?? NaN));
  let peaks = null;
  const total = () => (Number.isFinite(audio.duration) ? audio.duration : seconds || 0);
  const show = () => {
    const share = total() ? audio.currentTime / total() : 0;
    seek.value = String(Math.round(share * 1000));
    seek.setAttribute("aria-valuetext", `${length(audio.currentTime)} of ${length(total())}`);
    time.textContent = audio.currentTime ? `${length(audio.currentTime)} / ${length(total())}` : length(total() || NaN);
    draw(wave, peaks, share);
  };
  for (const event of ["timeupdate", "loadedmetadata", "play", "pause", "ended"]) audio.addEventListener(event, show);
  seek.addEventListener("input", () => {
    audio.currentTime = (Number(seek.value) / 1000) * total();
    show();
  });
  if (size < LARGEST_DRAWN_BYTES) {
    peaksOf(url).then((found) => {
      peaks = found;
      show();
    }).catch(() => {});
  }
  requestAnimationFrame(show);
  return h("div.audio", { role: "group", "aria-label": `Audio: ${name}` }, button, h("div.wave-box", {}, wave, seek), time);
}

async function peaksOf(url) {
  const content = await (await fetch(url)).arrayBuffer();
  const context = new OfflineAudioContext(1, 1, 16000);
  const samples = (await context.decodeAudioData(content)).getChannelData(0);
  const step = Math.max(1, Math.floor(samples.length / BARS));
  const peaks = [];
  for (let bar = 0; bar < BARS; bar += 1) {
    let peak = 0;
    for (let i = bar * step; i < Math.min(samples.length, (bar + 1) * step); i += 7) peak = Math.max(peak, Math.abs(samples[i]));
    peaks.push(peak);
  }
  const loudest = Math.max(...peaks, 0.01);
  return peaks.map((peak) => peak / loudest);
}

function draw(canvas, peaks, share) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const style = getComputedStyle(canvas);
  context.clearRect(0, 0, width, height);
  const step = width / BARS;
  for (let bar = 0; bar < BARS; bar += 1) {
    const tall = Math.max(4, (peaks ? peaks[bar] : 0.08) * (height - 4));
    context.fillStyle = style.getPropertyValue(bar / BARS < share ? "--wave-played" : "--wave");
    context.beginPath();
    context.roundRect(bar * step + 1, (height - tall) / 2, step - 2.5, tall, 2);
    context.fill();
  }
}
