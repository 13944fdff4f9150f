// Which codecs of a film the browser has no decoder for, in names a person knows. Asked only when
// the player has refused the film: the manifest is read once more and each codec is tried.
const NAMES: [RegExp, string][] = [
  [/^(hvc1|hev1)/, 'HEVC'],
  [/^(dvh1|dvhe)/, 'Dolby Vision'],
  [/^av01/, 'AV1'],
  [/^vp09/, 'VP9'],
  [/^avc[13]/, 'H.264'],
  [/^(ac-3|ec-3)/, 'Dolby Digital'],
  [/^mp4a/, 'AAC'],
  [/^opus/i, 'Opus'],
];

const nameOf = (codec: string) => NAMES.find(([pattern]) => pattern.test(codec))?.[1] ?? codec;

// An attribute of a representation may stand at the set around it.
function inherited(node: Element, name: string): string {
  return node.getAttribute(name) ?? node.parentElement?.getAttribute(name) ?? '';
}

export async function undecodable(manifest: string): Promise<string[]> {
  try {
    const text = await (await fetch(manifest)).text();
    const tree = new DOMParser().parseFromString(text, 'application/xml');
    const refused = [...tree.getElementsByTagName('Representation')]
      .map((one) => ({ mime: inherited(one, 'mimeType'), codecs: inherited(one, 'codecs') }))
      .filter(({ mime, codecs }) => /^(video|audio)\//.test(mime) && codecs)
      .filter(({ mime, codecs }) => !MediaSource.isTypeSupported(`${mime}; codecs="${codecs}"`));
    return [...new Set(refused.flatMap(({ codecs }) => codecs.split(',')).map((one) => nameOf(one.trim())))];
  } catch {
    return [];
  }
}
