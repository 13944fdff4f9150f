// Shaka Player and the video element behind one reactive face. Every player error is counted, the
// ones that playback survives included, and the counts are visible on the page.
import shaka from 'shaka-player/dist/shaka-player.compiled-es2021.js';
import { storeRead, storeWrite } from '../lib/storage';
import type { Playback } from '../lib/types';
import { undecodable } from './codecs';

export interface Option {
  key: string;
  language: string;
  label: string;
  active: boolean;
}

export interface PlayerFailure {
  code: number;
  kind: 'network' | 'media' | 'manifest' | 'codec' | 'unsupported' | 'other';
  codecs?: string;
}

interface Wishes {
  audio: string;
  text: string | null;
  volume: number;
  muted: boolean;
}

const BUFFER_GOAL_S = 40;
const BUFFER_BEHIND_S = 60;

function failureOf(error: shaka.util.Error): PlayerFailure {
  const { NETWORK, MEDIA, STREAMING, MANIFEST } = shaka.util.Error.Category;
  const kinds: Record<number, PlayerFailure['kind']> = {
    [NETWORK]: 'network',
    [MEDIA]: 'media',
    [STREAMING]: 'media',
    [MANIFEST]: 'manifest',
  };
  const { CONTENT_UNSUPPORTED_BY_BROWSER, RESTRICTIONS_CANNOT_BE_MET } = shaka.util.Error.Code;
  const codec = [CONTENT_UNSUPPORTED_BY_BROWSER, RESTRICTIONS_CANNOT_BE_MET].includes(error.code);
  return { code: error.code, kind: codec ? 'codec' : (kinds[error.category] ?? 'other') };
}

export class Engine {
  paused = $state(true);
  time = $state(0);
  duration = $state(0);
  buffered = $state(0);
  waiting = $state(true);
  ended = $state(false);
  volume = $state(1);
  muted = $state(false);
  rate = $state(1);
  ready = $state(false);
  audio = $state.raw<Option[]>([]);
  text = $state.raw<Option[]>([]);
  quality = $state.raw<Option[]>([]);
  autoQuality = $state(true);
  errors = $state(0);
  failure = $state.raw<PlayerFailure | null>(null);

  private readonly player = new shaka.Player();
  private readonly wishes: Wishes;
  private lastText: string | null = null;

  constructor(
    readonly video: HTMLVideoElement,
    private readonly container: HTMLElement,
    private readonly language: string,
  ) {
    const saved = storeRead<Partial<Wishes>>('player', {});
    this.wishes = { audio: '', text: null, volume: 1, muted: false, ...saved };
    video.volume = Math.min(1, Math.max(0, Number(this.wishes.volume) || 0));
    video.muted = Boolean(this.wishes.muted);
    this.player.addEventListener('error', (event) => {
      this.fail((event as unknown as { detail: shaka.util.Error }).detail);
    });
    for (const name of ['trackschanged', 'variantchanged', 'textchanged', 'adaptation', 'audiotrackschanged']) {
      this.player.addEventListener(name, () => this.readTracks());
    }
    this.player.addEventListener('buffering', (event) => {
      this.waiting = (event as unknown as { buffering: boolean }).buffering;
    });
    this.follow();
  }

  private follow(): void {
    const { video } = this;
    const read = () => {
      this.paused = video.paused;
      this.ended = video.ended;
      this.time = video.currentTime;
      this.volume = video.volume;
      this.muted = video.muted;
      this.rate = video.playbackRate;
      if (Number.isFinite(video.duration)) this.duration = video.duration;
      this.buffered = this.bufferedEnd();
    };
    const events = 'play pause ended timeupdate seeking seeked volumechange ratechange durationchange progress loadedmetadata';
    for (const name of events.split(' ')) video.addEventListener(name, read);
    video.addEventListener('playing', () => (this.waiting = false));
    read();
  }

  private bufferedEnd(): number {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i += 1) {
      if (buffered.start(i) <= currentTime + 0.5 && buffered.end(i) >= currentTime) return buffered.end(i);
    }
    return currentTime;
  }

  private fail(error: shaka.util.Error): void {
    this.errors += 1;
    if (error.severity === shaka.util.Error.Severity.CRITICAL) this.failure = failureOf(error);
  }

  async load(playback: Playback, start_s: number): Promise<void> {
    if (!shaka.Player.isBrowserSupported()) {
      this.failure = { code: 0, kind: 'unsupported' };
      return;
    }
    const hasMse = 'MediaSource' in window || 'ManagedMediaSource' in window;
    try {
      this.player.setVideoContainer(this.container);
      await this.player.attach(this.video);
      this.player.configure({
        streaming: { bufferingGoal: BUFFER_GOAL_S, bufferBehind: BUFFER_BEHIND_S },
        preferredAudio: [{ language: this.wishes.audio || this.language }],
      });
      await this.player.load(hasMse ? playback.dash : playback.hls, start_s || null);
    } catch (error) {
      const known = error as shaka.util.Error;
      if (known.code === shaka.util.Error.Code.LOAD_INTERRUPTED) return;
      this.errors += 1;
      const failure: PlayerFailure =
        known.category === undefined ? { code: -1, kind: 'other' } : failureOf(known);
      if (failure.kind === 'codec') failure.codecs = (await undecodable(playback.dash)).join(', ');
      this.failure = failure;
      return;
    }
    this.duration = this.video.duration;
    this.ready = true;
    this.readTracks();
    this.wishText();
    await this.play();
  }

  // Subtitles as last time; the first time, on when nobody in the film speaks the viewer's language.
  private wishText(): void {
    const heard = this.audio.find((one) => one.active)?.language ?? this.language;
    const wanted = this.wishes.text ?? (heard.startsWith(this.language) ? '' : this.language);
    const found = wanted ? this.text.find((one) => one.language.startsWith(wanted)) : undefined;
    this.selectText(found?.key ?? null, false);
  }

  private readTracks(): void {
    this.audio = this.player.getAudioTracks().map((track, index) => ({
      key: String(index),
      language: track.language,
      label: track.label ?? '',
      active: track.active,
    }));
    this.text = this.player.getTextTracks().map((track) => ({
      key: String(track.id),
      language: track.language,
      label: track.label ?? '',
      active: track.active,
    }));
    const heights = new Map<number, boolean>();
    for (const track of this.player.getVideoTracks()) {
      if (track.height) heights.set(track.height, (heights.get(track.height) ?? false) || track.active);
    }
    this.quality = [...heights]
      .sort(([a], [b]) => b - a)
      .map(([height, active]) => ({ key: String(height), language: '', label: `${height}p`, active }));
  }

  private keep(wishes: Partial<Wishes>): void {
    Object.assign(this.wishes, wishes);
    storeWrite('player', this.wishes);
  }

  async play(): Promise<void> {
    try {
      await this.video.play();
    } catch {
      // The browser wants a gesture first: the big button is there for it.
      this.waiting = false;
    }
  }

  toggle(): void {
    if (this.video.paused) void this.play();
    else this.video.pause();
  }

  seek(seconds: number): void {
    const end = Number.isFinite(this.video.duration) ? this.video.duration : this.duration;
    this.video.currentTime = Math.min(Math.max(0, seconds), Math.max(0, end - 0.1));
    this.time = this.video.currentTime;
  }

  seekBy(seconds: number): void {
    this.seek(this.video.currentTime + seconds);
  }

  setVolume(value: number): void {
    this.video.volume = Math.min(1, Math.max(0, value));
    this.video.muted = this.video.volume === 0;
    this.keep({ volume: this.video.volume, muted: this.video.muted });
  }

  toggleMuted(): void {
    this.video.muted = !this.video.muted;
    this.keep({ muted: this.video.muted });
  }

  setRate(rate: number): void {
    this.video.playbackRate = rate;
  }

  selectAudio(key: string): void {
    const track = this.player.getAudioTracks()[Number(key)];
    if (!track) return;
    this.player.selectAudioTrack(track);
    this.keep({ audio: track.language });
    this.readTracks();
  }

  selectText(key: string | null, remember = true): void {
    const track = this.player.getTextTracks().find((one) => String(one.id) === key) ?? null;
    this.player.selectTextTrack(track);
    if (track) this.lastText = key;
    if (remember) this.keep({ text: track?.language ?? '' });
    this.readTracks();
  }

  toggleText(): void {
    if (this.text.some((one) => one.active)) return this.selectText(null);
    const again = this.text.find((one) => one.key === this.lastText);
    const own = this.text.find((one) => one.language.startsWith(this.language));
    this.selectText((again ?? own ?? this.text[0])?.key ?? null);
  }

  selectQuality(height: string | null): void {
    this.autoQuality = height === null;
    this.player.configure({ abr: { enabled: this.autoQuality } });
    const tracks = this.player.getVideoTracks().filter((one) => String(one.height) === height);
    const best = tracks.sort((a, b) => b.bandwidth - a.bandwidth)[0];
    if (best) this.player.selectVideoTrack(best, true, 4);
    this.readTracks();
  }

  destroy(): void {
    this.video.pause();
    void this.player.destroy();
  }
}
