// The API documents: Swagger UI from its package, reading this server's own /openapi.json, and the events below it.
import 'swagger-ui-dist/swagger-ui.css';
import './docs.css';
import { showEvents } from './events';
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';

SwaggerUI({
  dom_id: '#docs',
  url: '/openapi.json',
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
});
void showEvents(document.getElementById('events')!);
