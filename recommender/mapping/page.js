'use strict';
// Names are other people's: they come out of JSON and become text nodes, never HTML.
const data = JSON.parse(document.getElementById('data').textContent);
const $ = (id) => document.getElementById(id);
const canvas = $('map'), pen = canvas.getContext('2d'), audio = $('audio');
const COLOURS = { light: ['#1f77b4', '#c8501e', '#2c8a2c', '#c62f3b', '#7d57b5', '#80564b', '#c2529f', '#666666', '#8a8a12',
  '#0d8a99', '#4b4fc4', '#a1660c'],
dark: ['#6bb1e8', '#ff9d5c', '#6fd06f', '#ff7f86', '#bfa0ea', '#c9a096', '#f29ad6', '#b5b5b5', '#d3d355', '#4fd3e3',
  '#a3a6ff', '#e0b050'] };
const LISTED = 60, REACH = 14, REST_MS = 120, SIDE = 10000;
const dark = matchMedia('(prefers-color-scheme: dark)');
const view = { scale: 1, x: 0, y: 0 };
let selected = -1, matches = null, only = -1, rest = 0;

const colour = (region) => COLOURS[dark.matches ? 'dark' : 'light'][region % 12];
const nameOf = (region) => data.regions[region].label || 'mixed';
const labelsOf = (clip) => clip.labels.map((label) => data.labels[label]);
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
const safe = (clip) => clip.url && /^(https?|file):/i.test(clip.url);
const folded = data.clips.map((clip) => [clip.title, clip.path, ...labelsOf(clip)].join('\n').toLowerCase());

function element(tag, text, kind) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function whole() {
  const { clientWidth: wide, clientHeight: high } = canvas;
  const xs = data.clips.map((clip) => clip.at[0]), ys = data.clips.map((clip) => clip.at[1]);
  const right = xs.reduce((a, b) => Math.max(a, b), 1), down = ys.reduce((a, b) => Math.max(a, b), 1);
  view.scale = Math.max(Math.min((wide - 60) / right, (high - 60) / down), 1e-4);
  view.x = (wide - right * view.scale) / 2;
  view.y = (high - down * view.scale) / 2;
}

const on = ([x, y]) => [x * view.scale + view.x, y * view.scale + view.y];
const kept = (number) => (matches === null || matches.has(number)) && (only < 0 || data.clips[number].region === only);

function draw() {
  const ratio = devicePixelRatio || 1, { clientWidth: wide, clientHeight: high } = canvas;
  canvas.width = wide * ratio;
  canvas.height = high * ratio;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(document.documentElement);
  const text = style.getPropertyValue('--text'), back = style.getPropertyValue('--back');
  const size = data.clips.length > 2000 ? 2.5 : data.clips.length > 400 ? 3.5 : 5;
  for (const chosen of [false, true]) {
    pen.globalAlpha = chosen ? 0.85 : 0.12;
    data.clips.forEach((clip, number) => {
      if (kept(number) !== chosen) return;
      const [x, y] = on(clip.at);
      if (x < -9 || y < -9 || x > wide + 9 || y > high + 9) return;
      pen.fillStyle = colour(clip.region);
      pen.beginPath();
      pen.arc(x, y, size, 0, 7);
      pen.fill();
    });
  }
  pen.globalAlpha = 1;
  pen.font = '600 14px system-ui, sans-serif';
  pen.textAlign = 'center';
  pen.lineWidth = 4;
  pen.strokeStyle = back;
  pen.lineJoin = 'round';
  pen.fillStyle = text;
  for (const region of data.regions) {
    const label = region.label.length > 30 ? `${region.label.slice(0, 29)}…` : region.label;
    const [x, y] = on(region.at);
    pen.strokeText(label, x, y);
    pen.fillText(label, x, y);
  }
  if (selected >= 0) {
    const [x, y] = on(data.clips[selected].at);
    pen.lineWidth = 3;
    pen.strokeStyle = text;
    pen.beginPath();
    pen.arc(x, y, size + 5, 0, 7);
    pen.stroke();
  }
}

function nearest(x, y, reach) {
  let best = -1, least = reach * reach;
  data.clips.forEach((clip, number) => {
    if (!kept(number)) return;
    const [a, b] = on(clip.at), apart = (a - x) ** 2 + (b - y) ** 2;
    if (apart < least) [best, least] = [number, apart];
  });
  return best;
}

function select(number, { show = false } = {}) {
  selected = number;
  const panel = $('clip');
  panel.replaceChildren();
  if (number >= 0) {
    const clip = data.clips[number];
    panel.append(element('strong', clip.title));
    if (clip.path) panel.append(element('div', clip.path, 'soft'));
    panel.append(element('div', `${clock(clip.start)}–${clock(clip.end)} · ${labelsOf(clip).join(', ') || 'no label'}`, 'soft'));
    if (safe(clip)) {
      const link = element('a', clip.plays ? 'Open the file' : 'Play it where it is from');
      link.href = clip.url;
      link.target = '_blank';
      link.rel = 'noreferrer noopener';
      panel.append(link);
    }
    if (show) {
      const [x, y] = on(clip.at);
      if (x < 20 || y < 20 || x > canvas.clientWidth - 20 || y > canvas.clientHeight - 20) {
        view.x += canvas.clientWidth / 2 - x;
        view.y += canvas.clientHeight / 2 - y;
      }
    }
  }
  draw();
}

function play(number) {
  const clip = data.clips[number];
  if (!clip || !safe(clip) || !clip.plays) return;
  audio.hidden = false;
  audio.src = clip.url;
  audio.dataset.end = clip.end;
  audio.play().then(() => { $('status').textContent = ''; }, (error) => {
    if (error.name === 'AbortError') return;
    $('status').textContent = error.name === 'NotAllowedError'
      ? 'Click the map once, and the browser lets it play.' : 'The file cannot be played from where it was served.';
  });
}

function listed() {
  const list = $('list');
  list.replaceChildren();
  const add = (region, text, work, pressed) => {
    const row = element('li'), press = element('button'), dot = element('span', undefined, 'dot');
    press.type = 'button';
    if (pressed !== undefined) press.setAttribute('aria-pressed', String(pressed));
    dot.style.background = colour(region);
    press.append(dot, text);
    press.addEventListener('click', work);
    row.append(press);
    list.append(row);
  };
  if (matches === null) {
    $('found').textContent = 'Regions';
    const counts = data.regions.map(() => 0);
    data.clips.forEach((clip) => { counts[clip.region] += 1; });
    data.regions.forEach((region, number) => add(number, `${nameOf(number)}, ${counts[number]}`, () => {
      only = only === number ? -1 : number;
      listed();
      draw();
      list.children[number].firstChild.focus();
    }, only === number));
    return;
  }
  $('found').textContent = `${matches.size.toLocaleString('en')} clips found`;
  [...matches].slice(0, LISTED).forEach((number) => {
    const clip = data.clips[number];
    add(clip.region, `${clip.title} · ${labelsOf(clip).slice(0, 3).join(', ')}`, () => {
      select(number, { show: true });
      play(number);
    });
  });
  if (matches.size > LISTED) list.append(element('li', `and ${matches.size - LISTED} more, on the map`, 'soft'));
}

function search() {
  const wanted = $('search').value.trim().toLowerCase();
  only = -1;
  matches = null;
  if (wanted) {
    const label = data.labels.findIndex((each) => each.toLowerCase() === wanted);
    matches = new Set();
    data.clips.forEach((clip, number) => {
      if (label >= 0 ? clip.labels.includes(label) : folded[number].includes(wanted)) matches.add(number);
    });
  }
  $('status').textContent = matches === null ? '' : `${matches.size} of ${data.clips.length} clips match.`;
  listed();
  draw();
}

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  view.scale *= factor;
  view.x = x - (x - view.x) * factor;
  view.y = y - (y - view.y) * factor;
  draw();
}

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function go([right, down]) {
  if (selected < 0) {
    select(nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, SIDE), { show: true });
    return;
  }
  const from = data.clips[selected].at;
  let best = -1, least = Infinity;
  data.clips.forEach((clip, number) => {
    if (number === selected || !kept(number)) return;
    const x = clip.at[0] - from[0], y = clip.at[1] - from[1];
    const along = x * right + y * down, aside = Math.abs(x * down) + Math.abs(y * right);
    // Beyond 60 degrees it is another direction's.
    if (along <= 0 || aside > 1.75 * along) return;
    const apart = Math.hypot(along, 2 * aside);
    if (apart < least) [best, least] = [number, apart];
  });
  if (best >= 0) select(best, { show: true });
}

canvas.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const clip = data.clips[selected];
  if (DIRECTIONS[event.key]) go(DIRECTIONS[event.key]);
  else if (event.key === '+' || event.key === '=') zoom(1.25);
  else if (event.key === '-') zoom(0.8);
  else if (event.key === 'Escape') audio.pause();
  else if (event.key === 'Enter' && clip) {
    if (clip.plays) play(selected);
    else if (safe(clip)) open(clip.url, '_blank', 'noreferrer,noopener');
  } else return;
  event.preventDefault();
});

// One pointer drags, two pinch.
const held = new Map();
let dragged = 0;
canvas.addEventListener('pointerdown', (event) => {
  held.set(event.pointerId, [event.offsetX, event.offsetY]);
  dragged = 0;
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener('pointermove', (event) => {
  const at = [event.offsetX, event.offsetY], before = held.get(event.pointerId);
  if (before) {
    dragged += Math.abs(at[0] - before[0]) + Math.abs(at[1] - before[1]);
    const other = [...held.entries()].find(([id]) => id !== event.pointerId);
    held.set(event.pointerId, at);
    if (other) {
      const was = Math.hypot(before[0] - other[1][0], before[1] - other[1][1]);
      zoom(Math.hypot(at[0] - other[1][0], at[1] - other[1][1]) / Math.max(was, 1), other[1][0], other[1][1]);
    } else {
      view.x += at[0] - before[0];
      view.y += at[1] - before[1];
      draw();
    }
    return;
  }
  const found = nearest(...at, REACH);
  if (found < 0 || found === selected) return;
  select(found);
  clearTimeout(rest);
  rest = setTimeout(() => { if ($('hover').checked && selected === found) play(found); }, REST_MS);
});
const release = (event) => { held.delete(event.pointerId); };
canvas.addEventListener('pointerup', (event) => {
  if (held.size === 1 && dragged < 5) {
    const found = nearest(event.offsetX, event.offsetY, 2 * REACH);
    if (found >= 0) {
      select(found);
      play(found);
    }
  }
  release(event);
});
canvas.addEventListener('pointercancel', release);
canvas.addEventListener('pointerleave', () => clearTimeout(rest));
canvas.addEventListener('wheel', (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
}, { passive: false });
audio.addEventListener('timeupdate', () => { if (audio.currentTime >= Number(audio.dataset.end)) audio.pause(); });
$('search').addEventListener('input', search);
$('closer').addEventListener('click', () => zoom(1.25));
$('away').addEventListener('click', () => zoom(0.8));
$('whole').addEventListener('click', () => { whole(); draw(); });
dark.addEventListener('change', () => { listed(); draw(); });
new ResizeObserver(() => { whole(); draw(); }).observe(canvas);

document.querySelector('h1').textContent = data.name;
const count = data.clips.length.toLocaleString('en');
$('counts').textContent = data.clips.length < data.total
  ? `${count} clips, drawn at random from ${data.total.toLocaleString('en')}` : `${count} clips`;
canvas.setAttribute('aria-label', `Map of ${count} clips by likeness`);
$('labels').append(...data.labels.map((label) => Object.assign(element('option'), { value: label })));
$('sound').hidden = !data.clips.some((clip) => clip.plays);
listed();
whole();
draw();
document.documentElement.dataset.ready = '';
