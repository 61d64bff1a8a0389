// Sounds to try, made in the browser: a newcomer may have no audio file at hand.

const RATE = 16000;
const SECONDS = 4;

// The same noise each time, so that a sound is the same file whenever it is sent.
let state = 1;
function noise() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 31 - 1;
}

export const SAMPLES = [
  { name: "Plucked string", file: "plucked-string.wav", make: plucked },
  { name: "Drum beat", file: "drum-beat.wav", make: drums },
  { name: "Siren", file: "siren.wav", make: siren },
];

export async function synthesise(sample) {
  state = 1;
  const samples = sample.make(new Float32Array(RATE * SECONDS));
  return new File([wav(samples)], sample.file, { type: "audio/wav" });
}

// Karplus and Strong: a burst of noise in a loop that averages its neighbours.
function plucked(out) {
  [196, 246.9, 293.7, 392, 493.9, 587.3, 493.9, 392].forEach((pitch, note) => {
    const line = Float32Array.from({ length: Math.round(RATE / pitch) }, noise);
    for (let i = 0, at = note * RATE * 0.45; at < out.length; i += 1, at += 1) {
      const here = i % line.length;
      out[Math.floor(at)] += 0.35 * line[here];
      line[here] = 0.4985 * (line[here] + line[(here + 1) % line.length]);
    }
  });
  return out;
}

function drums(out) {
  for (let beat = 0; beat < SECONDS * 4; beat += 1) {
    for (let i = 0; i < RATE * 0.24; i += 1) {
      const at = Math.floor(beat * RATE * 0.25) + i;
      const t = i / RATE;
      if (at >= out.length) break;
      if (beat % 4 === 0) out[at] += 0.8 * Math.sin(2 * Math.PI * (50 * t + 12 * (1 - Math.exp(-t * 18)))) * Math.exp(-t * 12);
      if (beat % 4 === 2) out[at] += 0.5 * noise() * Math.exp(-t * 16);
      out[at] += 0.15 * noise() * Math.exp(-t * 60);
    }
  }
  return out;
}

function siren(out) {
  let phase = 0;
  for (let i = 0; i < out.length; i += 1) {
    phase += (2 * Math.PI * (750 + 350 * Math.sin((2 * Math.PI * i) / RATE / 1.6))) / RATE;
    out[i] = 0.4 * Math.sin(phase) + 0.12 * Math.sin(2 * phase) + 0.06 * Math.sin(3 * phase);
  }
  return out;
}

function wav(samples) {
  const view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + samples.length * 2, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((value, i) => view.setInt16(44 + i * 2, Math.max(-1, Math.min(1, value)) * 32767, true));
  return view.buffer;
}
