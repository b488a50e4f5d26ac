import { startPartitionedStore } from '../support/in-process-shards.ts';
import { describeStore } from './store-conformance.ts';

describeStore('PartitionedStore over three shards', async () => (await startPartitionedStore(3)).store);

describeStore(
  'PartitionedStore over three shards whose files it reads',
  async () => (await startPartitionedStore(3, 'direct')).store,
);
