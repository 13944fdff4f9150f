// An invented catalogue for developing and testing the web without the server: facts of the
// classics, synopses of our own, one hostile title, one series.

// id, ru, en, original, year, minutes, genres, countries, languages, age, director, cast, playable
const FILMS = [
  [1, 'Метрополис', 'Metropolis', 'Metropolis', 1927, 153, 'scifi drama', 'DE', 'de', '12+',
    'Фриц Ланг|Fritz Lang', ['Бригитта Хельм|Brigitte Helm|Мария|Maria', 'Густав Фрёлих|Gustav Fröhlich|Фредер|Freder'], true,
    'Город будущего держится на тех, кто под землёй. Сын хозяина спускается к машинам за девушкой и видит цену небоскрёбов, а изобретатель тем временем даёт лицо своему роботу.',
    'The city of the future rests on those below it. The master’s son follows a girl down to the machines and learns what towers cost, while an inventor gives his robot a face.',
    'Между рукой и головой должно стоять сердце', 'Between hand and head stands the heart'],
  [2, 'Носферату', 'Nosferatu', 'Nosferatu, eine Symphonie des Grauens', 1922, 94, 'horror fantasy', 'DE', 'de', '16+',
    'Фридрих Мурнау|F. W. Murnau', ['Макс Шрек|Max Schreck|Граф Орлок|Count Orlok', 'Грета Шрёдер|Greta Schröder|Эллен|Ellen'], true,
    'Конторщик едет продавать дом графу, который не отражается ни в чём, кроме страха. Следом за договором в город приплывает корабль без команды.',
    'A clerk travels to sell a house to a count who casts a shadow longer than the night. After the contract a ship without a crew comes into the harbour.', '', ''],
  [3, 'Броненосец «Потёмкин»', 'Battleship Potemkin', 'Броненосец Потёмкин', 1925, 75, 'drama history', 'SU', 'ru', '12+',
    'Сергей Эйзенштейн|Sergei Eisenstein', ['Александр Антонов|Aleksandr Antonov|Вакулинчук|Vakulinchuk'], true,
    'Матросам подают гнилое мясо, и корабль отвечает бунтом. Город выходит на лестницу, а навстречу ему спускаются штыки.',
    'Sailors are served rotten meat and the ship answers with mutiny. The city comes out on the steps, and bayonets come down to meet it.', '', ''],
  [4, 'Человек с киноаппаратом', 'Man with a Movie Camera', 'Человек с киноаппаратом', 1929, 68, 'documentary', 'SU', 'ru', '6+',
    'Дзига Вертов|Dziga Vertov', [], true,
    'День большого города, снятый человеком, который видит всё: без актёров, без титров, с одной только камерой и монтажом.',
    'A day of a great city seen by a man who sees everything: no actors, no captions, only a camera and scissors.', '', ''],
  [5, 'Генерал', 'The General', 'The General', 1926, 78, 'comedy adventure', 'US', 'en', '6+',
    'Бастер Китон|Buster Keaton', ['Бастер Китон|Buster Keaton|Джонни|Johnnie'], true,
    'У машиниста две любви, и одну из них угоняют вместе с вагонами. Погоня на паровозах, в которой не дрогнет ни один мускул лица.',
    'An engineer has two loves, and one of them is stolen with its wagons. A chase by locomotive in which not one muscle of a face moves.', '', ''],
  [6, 'Путешествие на Луну', 'A Trip to the Moon', 'Le Voyage dans la Lune', 1902, 14, 'scifi fantasy', 'FR', 'fr', '0+',
    'Жорж Мельес|Georges Méliès', ['Жорж Мельес|Georges Méliès|Барбенфуйи|Barbenfouillis'], false,
    'Учёные в колпаках стреляют собой из пушки прямо Луне в глаз и находят там зонтичные грибы и вспыльчивых хозяев.',
    'Learned men in pointed hats fire themselves from a cannon into the eye of the Moon and find umbrella mushrooms and short-tempered hosts.', '', ''],
  [7, 'Кабинет доктора Калигари', 'The Cabinet of Dr. Caligari', 'Das Cabinet des Dr. Caligari', 1920, 77, 'horror thriller', 'DE', 'de', '12+',
    'Роберт Вине|Robert Wiene', ['Конрад Фейдт|Conrad Veidt|Чезаре|Cesare'], false,
    'На ярмарке показывают спящего, который знает, кому сколько осталось. Улицы кривы, тени нарисованы, а рассказчику верить не стоит.',
    'A fair shows a sleeper who knows how long everyone has left. Streets are crooked, shadows are painted, and the teller is not to be trusted.', '', ''],
  [8, 'Страсти Жанны д’Арк', 'The Passion of Joan of Arc', 'La Passion de Jeanne d’Arc', 1928, 82, 'drama history', 'FR', 'fr', '12+',
    'Карл Теодор Дрейер|Carl Theodor Dreyer', ['Рене Фальконетти|Renée Falconetti|Жанна|Joan'], false,
    'Суд, снятый так близко, что видно, как меняется лицо, когда вера остаётся с человеком наедине.',
    'A trial filmed so close that one sees a face change when faith is left alone with it.', '', ''],
  [9, 'Огни большого города', 'City Lights', 'City Lights', 1931, 87, 'comedy romance', 'US', 'en', '0+',
    'Чарли Чаплин|Charlie Chaplin', ['Чарли Чаплин|Charlie Chaplin|Бродяга|The Tramp'], false,
    'Слепая цветочница принимает бродягу за богача, и ему приходится им стать, хотя бы на пару дней.',
    'A blind flower girl takes a tramp for a rich man, and he has to become one, at least for a few days.', '', ''],
  [10, 'Золотая лихорадка', 'The Gold Rush', 'The Gold Rush', 1925, 95, 'comedy adventure', 'US', 'en', '0+',
    'Чарли Чаплин|Charlie Chaplin', ['Чарли Чаплин|Charlie Chaplin|Старатель|The Prospector'], false,
    'На Аляске холодно, голодно и очень смешно: ботинок на ужин, хижина на краю и булочки, которые танцуют.',
    'Alaska is cold, hungry and very funny: a boot for dinner, a cabin on the edge, and bread rolls that dance.', '', ''],
  [11, 'Аэлита', 'Aelita', 'Аэлита', 1924, 113, 'scifi drama', 'SU', 'ru', '6+',
    'Яков Протазанов|Yakov Protazanov', ['Юлия Солнцева|Yuliya Solntseva|Аэлита|Aelita'], false,
    'Инженер ловит по радио три слова и летит на Марс, где царица уже смотрит на него в телескоп.',
    'An engineer catches three words on the radio and flies to Mars, where the queen is already watching him through a telescope.', '', ''],
  [12, 'Фауст', 'Faust', 'Faust', 1926, 107, 'fantasy drama', 'DE', 'de', '12+',
    'Фридрих Мурнау|F. W. Murnau', ['Эмиль Яннингс|Emil Jannings|Мефистофель|Mephisto'], false,
    'Спор света и тьмы идёт об одном старике. Над городом раскрывается плащ величиной с небо.',
    'Light and darkness wager on one old man. A cloak the size of the sky opens above the town.', '', ''],
  [13, 'Восход солнца', 'Sunrise', 'Sunrise: A Song of Two Humans', 1927, 94, 'drama romance', 'US', 'en', '12+',
    'Фридрих Мурнау|F. W. Murnau', ['Джанет Гейнор|Janet Gaynor|Жена|The Wife'], false,
    'Деревня, озеро, город и двое, которые за один день теряют и находят друг друга.',
    'A village, a lake, a city, and two people who lose and find each other within a day.', '', ''],
  [14, 'Земля', 'Earth', 'Земля', 1930, 76, 'drama', 'SU', 'ru', '12+',
    'Александр Довженко|Alexander Dovzhenko', [], false,
    'Яблоки, подсолнухи и трактор на краю поля. Кино о том, как умирают и как родит земля.',
    'Apples, sunflowers and a tractor at the edge of the field. A film about how one dies and how the earth bears.', '', ''],
  [15, 'Большое ограбление поезда', 'The Great Train Robbery', 'The Great Train Robbery', 1903, 12, 'western adventure', 'US', 'en', '6+',
    'Эдвин Портер|Edwin S. Porter', [], false,
    'Двенадцать минут, из которых вырос целый жанр: поезд, погоня и выстрел прямо в зал.',
    'Twelve minutes from which a whole genre grew: a train, a pursuit and a shot straight into the hall.', '', ''],
  [16, 'Призрак оперы', 'The Phantom of the Opera', 'The Phantom of the Opera', 1925, 93, 'horror romance', 'US', 'en', '12+',
    'Руперт Джулиан|Rupert Julian', ['Лон Чейни|Lon Chaney|Эрик|Erik'], false,
    'Под оперой есть озеро, за озером дверь, за дверью орган. Маску лучше не снимать.',
    'Under the opera there is a lake, behind the lake a door, behind the door an organ. Better leave the mask on.', '', ''],
  [17, 'Октябрь', 'October', 'Октябрь', 1927, 102, 'history drama', 'SU', 'ru', '12+',
    'Сергей Эйзенштейн|Sergei Eisenstein', [], false,
    'Десять дней, разобранные на кадры и собранные в удар.', 'Ten days taken apart into frames and put together as a blow.', '', ''],
  [18, 'Багдадский вор', 'The Thief of Bagdad', 'The Thief of Bagdad', 1924, 154, 'adventure fantasy', 'US', 'en', '6+',
    'Рауль Уолш|Raoul Walsh', ['Дуглас Фэрбенкс|Douglas Fairbanks|Вор|The Thief'], false,
    'Вор, которому хватало того, что плохо лежит, решает украсть принцессу и для этого стать достойным.',
    'A thief content with what lay about decides to steal a princess, and for that to become worthy of her.', '', ''],
  [19, 'Шерлок-младший', 'Sherlock Jr.', 'Sherlock Jr.', 1924, 45, 'comedy', 'US', 'en', '0+',
    'Бастер Китон|Buster Keaton', ['Бастер Китон|Buster Keaton|Киномеханик|The Projectionist'], false,
    'Киномеханик засыпает у аппарата и входит в экран, где каждый монтажный стык норовит его уронить.',
    'A projectionist falls asleep by his machine and walks into the screen, where every cut tries to trip him.', '', ''],
  [20, 'Танец скелетов <b>"&amp;"</b>', 'Dance <img src=x onerror=alert(1)> of Skeletons', '<script>alert(2)</script>', 1929, 6, 'horror comedy', 'US', 'en', '6+',
    'Роберт <i>Тест</i>|Robert <i>Test</i>', [], false,
    'Название, в котором есть <b>разметка</b>: она должна остаться буквами.', 'A title with <b>markup</b> in it: it has to stay letters.', '', ''],
];

export const GENRES = {
  scifi: ['Фантастика', 'Science fiction'], drama: ['Драма', 'Drama'], horror: ['Ужасы', 'Horror'],
  fantasy: ['Фэнтези', 'Fantasy'], history: ['История', 'History'], comedy: ['Комедия', 'Comedy'],
  documentary: ['Документальное', 'Documentary'], adventure: ['Приключения', 'Adventure'],
  thriller: ['Триллер', 'Thriller'], romance: ['Мелодрама', 'Romance'], western: ['Вестерн', 'Western'],
};

const SERIES = {
  id: '40', ru: 'Вампиры', en: 'Les Vampires', original: 'Les Vampires', year: 1915,
  textRu: 'Журналист против шайки, которая ходит по крышам Парижа в чёрном трико. Десять серий погонь, шифров и люков.',
  textEn: 'A reporter against a gang that walks the roofs of Paris in black tights. Chases, ciphers and trapdoors in parts.',
  episodes: [['Отрубленная голова', 'The Severed Head'], ['Убийственный перстень', 'The Ring That Kills'], ['Красный шифр', 'The Red Codebook'], ['Призрак', 'The Spectre']],
};

export const people = new Map();

function person(names, year) {
  const [ru, en] = names.split('|');
  for (const known of people.values()) if (known.ru === ru) return known.id;
  const id = String(100 + people.size);
  people.set(id, { id, ru, en, born: year, died: null });
  return id;
}

function film(row) {
  const [id, ru, en, original, year, minutes, genres, countries, languages, age, director, cast, playable, textRu, textEn, tagRu, tagEn] = row;
  const credits = [{ person: person(director, year - 35), role: 'director', ru: null, en: null }];
  for (const actor of cast) {
    const [nameRu, nameEn, partRu, partEn] = actor.split('|');
    credits.push({ person: person(`${nameRu}|${nameEn}`, year - 28), role: 'actor', ru: partRu, en: partEn });
  }
  return {
    id: String(id), kind: 'film', year, runtime_min: minutes, age_rating: age, playable, original_title: original,
    genres: genres.split(' '), countries: countries.split(' '), languages: languages.split(' '), credits,
    texts: { ru: { title: ru, synopsis: textRu, tagline: tagRu }, en: { title: en, synopsis: textEn, tagline: tagEn } },
    status: 'published', version: 1, added: 1000 - id, locked: [], art: id !== 14,
  };
}

function series() {
  const base = { kind: 'series', runtime_min: null, age_rating: '12+', playable: true, genres: ['adventure', 'thriller'], countries: ['FR'],
    languages: ['fr'], status: 'published', version: 1, locked: [], year: SERIES.year, art: true, added: 900 };
  const credits = [{ person: person('Луи Фейад|Louis Feuillade', 1873), role: 'director', ru: null, en: null }];
  const out = [{ ...base, id: SERIES.id, original_title: SERIES.original, credits,
    texts: { ru: { title: SERIES.ru, synopsis: SERIES.textRu, tagline: '' }, en: { title: SERIES.en, synopsis: SERIES.textEn, tagline: '' } } }];
  SERIES.episodes.forEach(([ru, en], index) => out.push({ ...base, id: String(41 + index), kind: 'episode', original_title: en, credits, art: false,
    series_id: SERIES.id, season: index < 2 ? 1 : 2, episode: (index % 2) + 1, runtime_min: 30 + index, playable: index < 3,
    texts: { ru: { title: ru, synopsis: 'Новая загадка, новая крыша, новая погоня.', tagline: '' }, en: { title: en, synopsis: 'A new riddle, a new roof, a new chase.', tagline: '' } } }));
  return out;
}

export function catalogue() {
  const titles = new Map();
  for (const title of [...FILMS.map(film), ...series()]) titles.set(title.id, title);
  titles.get('19').status = 'draft';
  return titles;
}

export const SHELVES = [
  ['new', 'Премьеры на этой неделе', 'New this week', (t) => t.kind !== 'episode' && t.added > 985],
  ['germany', 'Тени Веймара', 'Shadows of Weimar', (t) => t.countries.includes('DE')],
  ['laugh', 'Смех без слов', 'Laughing without words', (t) => t.genres.includes('comedy')],
  ['soviet', 'Советский авангард', 'Soviet avant-garde', (t) => t.countries.includes('SU')],
  ['fear', 'Не смотреть одному', 'Not to be watched alone', (t) => t.genres.includes('horror')],
];
