// How times and lengths read.

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });

export function dateOf(ts) {
  return new Date(Number(ts) * 1000);
}

export function clock(ts) {
  return CLOCK.format(dateOf(ts));
}

export function day(ts) {
  const date = dateOf(ts);
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return "Today";
  return DAY.format(date);
}

export function length(seconds) {
  if (!Number.isFinite(seconds)) return "–:––";
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${(count / 1e3).toFixed(0)} kB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}
