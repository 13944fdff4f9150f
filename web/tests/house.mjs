// What all tests share: the program with a small cinema in it, and a browser.
import { join } from 'node:path';
import { launch } from './browser.mjs';
import { Cinema } from './cinema.mjs';
import { makeFilms } from './films.mjs';

const CARDS = [
  ['Метрополис', 'Metropolis', 1927, ['drama', 'science-fiction'], ['DE']],
  ['Носферату', 'Nosferatu', 1922, ['horror'], ['DE']],
  ['Человек с киноаппаратом', 'Man with a Movie Camera', 1929, ['documentary'], ['SU']],
  ['Генерал', 'The General', 1926, ['comedy', 'adventure'], ['US']],
  ['Путешествие на Луну', 'A Trip to the Moon', 1902, ['fantasy', 'adventure'], ['FR']],
  ['Броненосец «Потёмкин»', 'Battleship Potemkin', 1925, ['drama', 'war'], ['SU']],
];

async function fill(cinema) {
  const titles = {};
  for (const [ru, en, year, genres, countries] of CARDS) {
    titles[en] = await cinema.title({
      kind: 'film',
      texts: { ru: { title: ru, synopsis: `${ru}: немое кино ${year} года.` }, en: { title: en } },
      ...{ original_title: en, year, genres, countries, runtime_min: 90, age_rating: '12+' },
    });
  }
  return titles;
}

async function bringFilms(cinema, folder) {
  const { films, doubtful } = await makeFilms(folder);
  const { code, output } = await cinema.import(films);
  const found = (await cinema.get('/v1/titles?playable=true&lang=en&limit=100')).items;
  const byTitle = (name) => found.find((one) => one.original_title === name || one.title === name) ?? null;
  return {
    doubtful,
    films,
    importCode: code,
    importOutput: output,
    lamp: byTitle('The Lamp Below'),
    moon: byTitle('Second Moon'),
    av1: byTitle('Fourth Moon'),
    hevc: byTitle('Fifth Moon'),
    series: byTitle('Lantern Keepers'),
  };
}

export async function houseOpen(bin, folder) {
  const cinema = await Cinema.start(bin, join(folder, 'data'));
  const page = await (await fetch(cinema.base)).text();
  const house = { bin, cinema, folder, base: cinema.base, hasWeb: page.includes('/assets/'), browser: null };
  house.close = async () => {
    await house.browser?.close();
    return cinema.stop();
  };
  if (!house.hasWeb) return house;
  try {
    house.titles = await fill(cinema);
    house.library = await bringFilms(cinema, folder);
    house.browser = await launch();
  } catch (error) {
    await house.close();
    throw error;
  }
  return house;
}
