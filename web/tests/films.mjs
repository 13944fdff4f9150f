// Short films as a person would keep them: one H.264 with B-frames, two languages, subtitles, a
// poster and an NFO beside it; one VP9 with Opus; one AV1; one HEVC; a series of two seasons and a
// special; and a name nobody can be sure about.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './cinema.mjs';

export const SECONDS = 36;
export const EPISODE_SECONDS = 20;
export const EPISODES = ['S00E01', 'S01E01', 'S01E02', 'S02E01', 'S02E02'];
export const CUES = { ru: 'Зажигается лампа', en: 'The lamp is lit' };

async function ffmpeg(...args) {
  const { code, output } = await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args]);
  if (code !== 0) throw new Error(`ffmpeg: ${output}`);
}

function subtitles(language) {
  const stamp = (s) => `00:00:${String(s).padStart(2, '0')}`;
  let text = '';
  for (let at = 1, n = 1; at + 3 < SECONDS; at += 3, n += 1) {
    text += `${n}\n${stamp(at)},000 --> ${stamp(at + 2)},900\n${CUES[language]} ${n}\n\n`;
  }
  return text;
}

const NFO = `<?xml version="1.0" encoding="utf-8"?>
<movie>
  <title>Лампа в бездне</title>
  <originaltitle>The Lamp Below</originaltitle>
  <year>2001</year>
  <plot>Далеко внизу кто-то зажигает лампу, и бездна смотрит кино.</plot>
  <tagline>Свет внизу</tagline>
  <genre>Драма</genre>
  <genre>Фантастика</genre>
  <country>Франция</country>
  <director>Анна Верхова</director>
  <actor><name>Пётр Глубин</name><role>Смотритель</role></actor>
</movie>
`;

const picture = (size, seconds = SECONDS) =>
  `gradients=s=${size}:r=25:c0=0x07090e:c1=0x123a52:c2=0xffb454:c3=0x1d2b3a:n=4:speed=0.03:d=${seconds}`;
const tone = (hz, seconds = SECONDS) => `sine=f=${hz}:r=48000:d=${seconds}`;

async function lamp(folder) {
  const stem = join(folder, 'The Lamp Below (2001)');
  mkdirSync(folder, { recursive: true });
  await ffmpeg('-f', 'lavfi', '-i', picture('640x360'), '-f', 'lavfi', '-i', tone(196), '-f', 'lavfi',
    '-i', tone(294), '-map', '0:v', '-map', '1:a', '-map', '2:a', '-c:v', 'libx264', '-preset',
    'veryfast', '-bf', '2', '-g', '50', '-pix_fmt', 'yuv420p', '-b:v', '500k', '-c:a', 'aac', '-ac', '2',
    '-b:a', '96k', '-metadata:s:a:0', 'language=rus', '-metadata:s:a:1', 'language=eng', `${stem}.mkv`);
  for (const language of Object.keys(CUES)) {
    writeFileSync(`${stem}.${language}.srt`, subtitles(language));
  }
  writeFileSync(join(folder, 'movie.nfo'), NFO);
  await ffmpeg('-f', 'lavfi', '-i', 'gradients=s=600x900:c0=0x123a52:c1=0xffb454:n=2:d=1', '-frames:v', '1',
    join(folder, 'poster.jpg'));
  await ffmpeg('-f', 'lavfi', '-i', 'gradients=s=1280x720:c0=0x07090e:c1=0xe08a2b:n=2:d=1', '-frames:v', '1',
    join(folder, 'fanart.jpg'));
}

async function moon(folder) {
  mkdirSync(folder, { recursive: true });
  await ffmpeg('-f', 'lavfi', '-i', picture('320x180'), '-f', 'lavfi', '-i', tone(330), '-c:v', 'libvpx-vp9',
    '-deadline', 'realtime', '-cpu-used', '8', '-g', '50', '-b:v', '200k', '-c:a', 'libopus', '-b:a', '64k',
    join(folder, 'Second Moon (2010).webm'));
}

// A small film in any codec: a picture, a tone, nothing beside it.
async function reel(file, { video, hz, seconds = EPISODE_SECONDS }) {
  await ffmpeg('-f', 'lavfi', '-i', picture('320x180', seconds), '-f', 'lavfi', '-i', tone(hz, seconds),
    '-pix_fmt', 'yuv420p', '-g', '50', ...video, '-c:a', 'aac', '-ac', '2', '-b:a', '64k', file);
}

async function codecs(folder) {
  mkdirSync(folder, { recursive: true });
  await reel(join(folder, 'Fourth Moon (2019).mkv'),
    { video: ['-c:v', 'libsvtav1', '-preset', '12', '-crf', '50'], hz: 349 });
  await reel(join(folder, 'Fifth Moon (2020).mp4'),
    { video: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:open-gop=0', '-tag:v', 'hvc1'], hz: 370 });
}

// Seasons as most people keep them. Only the pilot is named, by an NFO beside it.
async function series(folder) {
  const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-b:v', '200k'];
  for (const [index, place] of EPISODES.entries()) {
    const season = join(folder, `Season ${place.slice(1, 3)}`);
    mkdirSync(season, { recursive: true });
    await reel(join(season, `${place}.mkv`), { video: h264, hz: 220 + 20 * index });
  }
  writeFileSync(join(folder, 'tvshow.nfo'), `<tvshow><title>Хранители фонаря</title>
<originaltitle>Lantern Keepers</originaltitle><year>2015</year><plot>Маяк на дне, и те, кто его зажигает.</plot></tvshow>`);
  writeFileSync(join(folder, 'Season 01', 'S01E01.nfo'), `<episodedetails><title>Первый огонь</title>
<season>1</season><episode>1</episode><plot>Фонарь зажигают впервые.</plot></episodedetails>`);
}

// A film that has to be transcoded and takes long at it: a few seconds over and over.
export async function makeLongFilm(folder) {
  mkdirSync(folder, { recursive: true });
  const piece = join(folder, 'piece.part');
  await ffmpeg('-f', 'lavfi', '-i', 'testsrc2=s=1280x720:r=25:d=4', '-c:v', 'mpeg4', '-q:v', '5', '-f', 'avi', piece);
  const film = join(folder, 'Endless Reel (1998).avi');
  await ffmpeg('-stream_loop', '300', '-f', 'avi', '-i', piece, '-c', 'copy', film);
  rmSync(piece);
  return film;
}

// Names nobody can be sure about, as if they had been found in an old folder.
export function makeDoubtful(films, folder, names) {
  mkdirSync(folder);
  for (const name of names) copyFileSync(join(films, 'Second Moon (2010)', 'Second Moon (2010).webm'), join(folder, `${name}.webm`));
  return folder;
}

// Returns the folder with all of them, and one with a name in doubt for the review list.
export async function makeFilms(root) {
  const films = join(root, 'films');
  await Promise.all([
    lamp(join(films, 'The Lamp Below (2001)')),
    moon(join(films, 'Second Moon (2010)')).then(() => codecs(join(films, 'codecs'))),
    series(join(films, 'Lantern Keepers (2015)')),
  ]);
  return { films, doubtful: makeDoubtful(films, join(root, 'doubtful'), ['Third Moon']) };
}
