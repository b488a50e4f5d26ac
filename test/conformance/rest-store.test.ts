import { onTestFinished } from 'vitest';
import { startRestApp } from '../support/rest-app.ts';
import { RestStore } from '../support/rest-store.ts';
import { describeStore } from './store-conformance.ts';

describeStore('The REST app over three shards', async () => {
  const { url } = await startRestApp();
  const store = new RestStore(url);
  onTestFinished(() => store.stop());
  return store;
});
