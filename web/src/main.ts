import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { routerStart } from './lib/router.svelte';
import { spatialStart } from './lib/spatial';

routerStart();
spatialStart();
const target = document.getElementById('app');
if (target) mount(App, { target });
