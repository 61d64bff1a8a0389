// Records a voice clip from the microphone, where the browser allows it.

import { h, icon, toast } from "./dom.js";
import { length } from "./time.js";

const LONGEST_SECONDS = 300;

export function recorder(recorded) {
  const button = h("button.icon-button.record", { type: "button", title: "Record audio clip", "aria-label": "Record audio clip", "aria-pressed": "false" }, icon("mic"));
  const time = h("span.record-time", { hidden: true, role: "timer" }, "0:00");
  const possible = navigator.mediaDevices?.getUserMedia && window.MediaRecorder;
  button.hidden = !possible;
  let running = null;
  let ticking = 0;

  const show = (on) => {
    button.classList.toggle("recording", on);
    button.setAttribute("aria-pressed", String(on));
    button.setAttribute("aria-label", on ? "Stop recording" : "Record audio clip");
    button.title = button.getAttribute("aria-label");
    button.replaceChildren(icon(on ? "stop" : "mic"));
    time.hidden = !on;
  };
  const start = async () => {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      toast("The browser does not allow recording here.");
      return;
    }
    const chunks = [];
    running = new MediaRecorder(stream);
    running.addEventListener("dataavailable", (event) => chunks.push(event.data));
    running.addEventListener("stop", () => {
      clearInterval(ticking);
      show(false);
      stream.getTracks().forEach((track) => track.stop());
      const type = running.mimeType.split(";")[0];
      const ending = type.endsWith("mp4") ? "m4a" : type.endsWith("ogg") ? "ogg" : "webm";
      running = null;
      recorded(new File(chunks, `audio_message.${ending}`, { type }));
    });
    running.start();
    const began = Date.now();
    ticking = setInterval(() => {
      const seconds = (Date.now() - began) / 1000;
      time.textContent = length(seconds);
      if (seconds > LONGEST_SECONDS) running?.stop();
    }, 200);
    show(true);
  };
  button.addEventListener("click", () => (running ? running.stop() : start()));
  return h("span.recorder", {}, button, time);
}
