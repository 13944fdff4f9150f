// The events, from this server's own /asyncapi.json: topics, the messages in them, and the fields of their data.

interface Schema {
  $ref?: string;
  type?: string | string[];
  items?: Schema;
  enum?: (string | null)[];
  description?: string;
  properties?: Record<string, Schema>;
}
interface Message {
  name: string;
  summary?: string;
  tags?: { name: string }[];
  payload: { properties: { typeversion: { const: number }; data: { $ref: string } } };
}
interface AsyncApi {
  channels: Record<string, { messages: Record<string, { $ref: string }> }>;
  components: { messages: Record<string, Message>; schemas: Record<string, Schema> };
}

const last = (ref: string) => ref.slice(ref.lastIndexOf('/') + 1);

function element(tag: string, text = '', ...children: Node[]): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  made.append(...children);
  return made;
}

function kind(schema: Schema): string {
  if (schema.$ref) return last(schema.$ref);
  if (schema.items) return `${kind(schema.items)}[]`;
  if (schema.enum) return schema.enum.filter((value) => value !== null).join(' | ');
  return ([] as string[]).concat(schema.type ?? 'any').join(' | ');
}

function fields(schema: Schema | undefined): HTMLElement {
  const rows = Object.entries(schema?.properties ?? {}).map(([name, field]) =>
    element('tr', '', element('th', name), element('td', kind(field)), element('td', field.description)),
  );
  return element('table', '', ...rows);
}

function show({ name, summary, tags, payload }: Message, schemas: Record<string, Schema>): HTMLElement {
  const { typeversion, data } = payload.properties;
  const state = tags?.some((tag) => tag.name === 'deprecated') ? ', deprecated' : '';
  return element(
    'section',
    '',
    element('h4', `${name} (version ${typeversion.const}${state})`),
    element('p', summary),
    fields(schemas[last(data.$ref)]),
  );
}

export async function showEvents(place: HTMLElement): Promise<void> {
  const answer = await fetch('/asyncapi.json');
  if (!answer.ok) return;
  const { channels, components } = (await answer.json()) as AsyncApi;
  place.append(element('h2', 'Events'));
  for (const [topic, { messages }] of Object.entries(channels)) {
    place.append(element('h3', topic));
    for (const { $ref } of Object.values(messages)) {
      const message = components.messages[last($ref)];
      if (message) place.append(show(message, components.schemas));
    }
  }
  const whole = element('a', 'asyncapi.json') as HTMLAnchorElement;
  whole.href = '/asyncapi.json';
  place.append(element('p', 'As AsyncAPI 3.0: ', whole));
}
