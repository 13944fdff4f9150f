// Enough of a document for the API page to show something.
export const openapi = {
  openapi: '3.1.0',
  info: { title: 'Kinobezdna', version: '0.1.0', description: 'The mock of /v1.' },
  paths: {
    '/v1/titles': {
      get: {
        summary: 'List titles',
        tags: ['catalog'],
        parameters: [{ name: 'genre', in: 'query', schema: { type: 'string' } }],
        responses: { 200: { description: 'A page of titles', content: { 'application/json': { schema: { $ref: '#/components/schemas/TitleList' } } } } },
      },
    },
    '/v1/titles/{id}': {
      get: {
        summary: 'One title',
        tags: ['catalog'],
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        responses: { 200: { description: 'The title' }, 404: { description: 'No such title' } },
      },
    },
  },
  components: {
    schemas: {
      TitleList: { type: 'object', properties: { items: { type: 'array', items: { type: 'object' } }, next: { type: ['string', 'null'] } } },
    },
  },
};
