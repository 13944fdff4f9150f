// A film to play: generated once with ffmpeg into a temporary folder, two pictures, two audio
// tracks, one segment set for DASH and HLS; subtitles are added to both manifests by hand.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SECONDS = 90;
const FOLDER = join(tmpdir(), `kinobezdna-mock-film-${SECONDS}-3`);

const LINES = {
  ru: ['Далеко внизу зажигают лампу.', 'Луч проходит сквозь толщу воды.', 'И бездна смотрит кино.'],
  en: ['Far below a lamp is lit.', 'The beam goes down through the water.', 'And the abyss watches a film.'],
};

function stamp(seconds) {
  return `00:${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}.000`;
}

function subtitles(language) {
  let text = 'WEBVTT\n\n';
  for (let at = 1; at + 4 < SECONDS; at += 5) text += `${stamp(at)} --> ${stamp(at + 4)}\n${LINES[language][at % 3]}\n\n`;
  return text;
}

function encode(folder) {
  const picture = `gradients=s=640x360:r=25:c0=0x07090e:c1=0x123a52:c2=0xffb454:c3=0x1d2b3a:n=4:speed=0.02:d=${SECONDS}`;
  const args = ['-v', 'error', '-y', '-f', 'lavfi', '-i', picture,
    '-f', 'lavfi', '-i', `sine=f=196:r=48000:d=${SECONDS}`, '-f', 'lavfi', '-i', `sine=f=294:r=48000:d=${SECONDS}`,
    '-filter_complex', '[0:v]split=2[a][b];[b]scale=426:240[c]', '-map', '[a]', '-map', '[c]', '-map', '1:a', '-map', '2:a',
    '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-g', '50', '-keyint_min', '50', '-sc_threshold', '0', '-bf', '2',
    '-b:v:0', '700k', '-b:v:1', '250k', '-c:a', 'aac', '-b:a', '96k', '-ac', '2',
    '-metadata:s:a:0', 'language=rus', '-metadata:s:a:1', 'language=eng',
    '-f', 'dash', '-seg_duration', '4', '-use_template', '1', '-use_timeline', '1', '-hls_playlist', '1',
    '-adaptation_sets', 'id=0,streams=0,1 id=1,streams=2 id=2,streams=3', join(folder, 'manifest.mpd')];
  const run = spawnSync('ffmpeg', args, { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`ffmpeg: ${run.error?.message ?? run.stderr}`);
}

function addDashSubtitles(folder) {
  const path = join(folder, 'manifest.mpd');
  const sets = Object.keys(LINES).map((language, index) =>
    `<AdaptationSet id="${10 + index}" contentType="text" mimeType="text/vtt" lang="${language}"><Role schemeIdUri="urn:mpeg:dash:role:2011" value="subtitle"/>` +
    `<Representation id="sub-${language}" bandwidth="256"><BaseURL>${language}.vtt</BaseURL></Representation></AdaptationSet>`);
  writeFileSync(path, readFileSync(path, 'utf8').replace('</Period>', `${sets.join('')}</Period>`));
}

function addHlsSubtitles(folder) {
  const path = join(folder, 'master.m3u8');
  const names = { ru: 'Русский', en: 'English' };
  let media = '';
  for (const language of Object.keys(LINES)) {
    const list = `#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:${SECONDS}\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:${SECONDS},\n${language}.vtt\n#EXT-X-ENDLIST\n`;
    writeFileSync(join(folder, `sub_${language}.m3u8`), list);
    media += `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="${names[language]}",LANGUAGE="${language}",AUTOSELECT=YES,URI="sub_${language}.m3u8"\n`;
  }
  const master = readFileSync(path, 'utf8').replace(/#EXT-X-STREAM-INF:(.*)/g, '#EXT-X-STREAM-INF:$1,SUBTITLES="subs"');
  const audio = [...master.matchAll(/#EXT-X-MEDIA:TYPE=AUDIO.*\n/g)].map((match) => match[0]);
  const streams = master.replace(/#EXT-X-MEDIA:.*\n/g, '').replace(/group_A2/g, 'group_A1').replace(/^#EXTM3U\n#EXT-X-VERSION:\d+\n/, '');
  const group = audio.map((line, index) => line.replace(/GROUP-ID="[^"]*"/, 'GROUP-ID="group_A1"')
    .replace(/NAME="[^"]*"/, `NAME="${index ? 'English' : 'Русский'}",LANGUAGE="${index ? 'en' : 'ru'}"`)
    .replace(/,LANGUAGE="(rus|eng)"/, '').replace(/DEFAULT=\w+/, `DEFAULT=${index ? 'NO' : 'YES'},AUTOSELECT=YES`));
  const once = [...new Set(streams.split(/(?=#EXT-X-STREAM-INF)/).map((part) => part.trim()))];
  writeFileSync(path, `#EXTM3U\n#EXT-X-VERSION:7\n${[...new Set(group)].join('')}${media}${once.join('\n')}\n`);
}

// The packager stamps each list with its own wall clock, which a player would have to reconcile.
function dropDates(folder) {
  for (const name of readdirSync(folder).filter((file) => file.startsWith('media_'))) {
    const path = join(folder, name);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/#EXT-X-PROGRAM-DATE-TIME.*\n/g, ''));
  }
}

export function filmFolder() {
  if (existsSync(FOLDER)) return FOLDER;
  const making = `${FOLDER}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  try {
    encode(making);
    for (const language of Object.keys(LINES)) writeFileSync(join(making, `${language}.vtt`), subtitles(language));
    addDashSubtitles(making);
    addHlsSubtitles(making);
    dropDates(making);
    renameSync(making, FOLDER);
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    throw error;
  }
  return FOLDER;
}

export const filmSeconds = SECONDS;
