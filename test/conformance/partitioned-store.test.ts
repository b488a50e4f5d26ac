import { startPartitionedStore } from '../support/in-process-shards.ts';
import { describeStore } from './store-conformance.ts';

describeStore('PartitionedStore over three shards', async () => (await startPartitionedStore(3)).store);
