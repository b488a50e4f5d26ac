/** What operators ask of the shards' number and weights: answered from what is recorded, and carried out by the rebalancer. */

import type { SteeringOrder, TopologyActions } from '../admin/contract.ts';
import { type ChangePlan, planOfRequest } from '../rebalance/change-plan.ts';
import type { RebalanceStatus } from '../rebalance/rebalancer.ts';
import type { ChangeRequest, TopologyChange } from '../rebalance/topology-change.ts';
import type { ShardCluster } from './shard-cluster.ts';
import { type Origin, refuseUnlessPartitioned } from './strategy.ts';
import type { TopologyFile } from './topology-file.ts';

/** How many changes `shardctl moves` shows. */
const changesShown = 20;

export class TopologyOrders implements TopologyActions {
  readonly #cluster: ShardCluster;
  readonly #topologyFile: TopologyFile;
  readonly #origin: Origin;

  /** @param origin under which a change is refused where nothing can move */
  constructor(cluster: ShardCluster, topologyFile: TopologyFile, origin: Origin) {
    this.#cluster = cluster;
    this.#topologyFile = topologyFile;
    this.#origin = origin;
  }

  plan(request: ChangeRequest): ChangePlan {
    refuseUnlessPartitioned(this.#origin);
    return planOfRequest(request, this.#topologyFile, this.#cluster.supervisor);
  }

  request(request: ChangeRequest): TopologyChange {
    this.plan(request);
    return this.#cluster.rebalancer.request(request);
  }

  changes(): readonly TopologyChange[] {
    return this.#topologyFile.changes(changesShown);
  }

  moves(): RebalanceStatus {
    return this.#cluster.rebalancer.status();
  }

  steer(order: SteeringOrder): boolean {
    refuseUnlessPartitioned(this.#origin);
    const { rebalancer } = this.#cluster;
    switch (order.kind) {
      case 'pause':
        return rebalancer.pause();
      case 'resume':
        return rebalancer.resume();
      case 'abort':
        return rebalancer.abort('an operator aborted it');
      case 'throttle':
        rebalancer.setThrottle(order.setting);
        return true;
    }
  }
}
