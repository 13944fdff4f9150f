// Posters and backdrops drawn from the id: a few shapes, a palette, grain of lines. Stand-ins for
// the artwork a real cinema has.

const PALETTES = [
  ['#0b1d2a', '#d98e3f', '#f3dfb8', '#27566b'], ['#1a0f14', '#b23a3a', '#efd9c3', '#4b1f2c'],
  ['#10181a', '#c9b458', '#eee8d0', '#3a5a52'], ['#15132b', '#e07a5f', '#f4e9d8', '#4a4380'],
  ['#0e1a14', '#8fb56a', '#f0ead2', '#2f5b43'], ['#1c1410', '#d9a05b', '#f7ead8', '#6b3f26'],
];

function random(seed) {
  let state = seed * 2654435761 + 97;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) >>> 0;
    return state / 4294967296;
  };
}

function rays(next, w, h, colour) {
  const cx = w * (0.25 + next() * 0.5);
  const cy = h * (0.2 + next() * 0.3);
  let out = '';
  for (let i = 0; i < 18; i += 1) {
    const a = (i / 18) * Math.PI * 2;
    const b = a + 0.1;
    const r = w + h;
    out += `<path d="M${cx} ${cy}L${cx + Math.cos(a) * r} ${cy + Math.sin(a) * r}L${cx + Math.cos(b) * r} ${cy + Math.sin(b) * r}Z" fill="${colour}" opacity=".13"/>`;
  }
  return `${out}<circle cx="${cx}" cy="${cy}" r="${w * 0.17}" fill="${colour}"/>`;
}

function towers(next, w, h, dark, light) {
  let out = '';
  for (let x = 0; x < w; x += w / 9) {
    const top = h * (0.45 + next() * 0.4);
    out += `<rect x="${x}" y="${top}" width="${w / 9 - 2}" height="${h}" fill="${next() > 0.5 ? dark : light}" opacity=".9"/>`;
    for (let y = top + 14; y < h; y += 26) if (next() > 0.6) out += `<rect x="${x + 8}" y="${y}" width="8" height="12" fill="#ffd48a" opacity=".7"/>`;
  }
  return out;
}

function waves(next, w, h, dark, light) {
  let out = '';
  for (let i = 0; i < 7; i += 1) {
    const y = h * (0.5 + i * 0.075);
    const lift = h * (0.03 + next() * 0.05);
    out += `<path d="M0 ${y}C${w * 0.3} ${y - lift} ${w * 0.6} ${y + lift} ${w} ${y - lift / 2}V${h}H0Z" fill="${i % 2 ? dark : light}" opacity="${0.35 + i * 0.08}"/>`;
  }
  return out;
}

function figure(next, w, h, dark) {
  const x = w * (0.35 + next() * 0.3);
  return `<path d="M${x - w * 0.13} ${h}C${x - w * 0.16} ${h * 0.7} ${x - w * 0.06} ${h * 0.62} ${x - w * 0.04} ${h * 0.58}A${w * 0.075} ${w * 0.09} 0 1 1 ${x + w * 0.05} ${h * 0.58}C${x + w * 0.08} ${h * 0.63} ${x + w * 0.2} ${h * 0.72} ${x + w * 0.18} ${h}Z" fill="${dark}"/>`;
}

export function artwork(id, wide) {
  const seed = Number(id);
  const next = random(seed);
  const [dark, accent, light, mid] = PALETTES[seed % PALETTES.length];
  const [w, h] = wide ? [1280, 720] : [400, 600];
  const lower = [towers, waves, figure][Math.floor(seed / 2) % 3];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}">
<defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="${mid}"/><stop offset="1" stop-color="${dark}"/></linearGradient></defs>
<rect width="${w}" height="${h}" fill="url(#g)"/>${rays(next, w, h, seed % 3 ? accent : light)}${lower(next, w, h, dark, mid)}</svg>`;
}
