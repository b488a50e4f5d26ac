/** Has every shard of the running service, or one clone, walk its file, and gathers what they report. */

import type { ServiceAudit } from '../admin/contract.ts';
import { ChangeRefused } from '../rebalance/change-refused.ts';
import { Deferred } from '../supervision/deferred.ts';
import type { AuditReportMessage } from '../supervision/messages.ts';
import type { SupervisedChild } from '../supervision/supervised-child.ts';
import type { Supervisor } from '../supervision/supervisor.ts';
import { auditOf } from './audit.ts';
import type { TopologyFile } from './topology-file.ts';

type Walk = { readonly child: SupervisedChild; readonly report: Deferred<AuditReportMessage> };

export class Auditor {
  readonly #supervisor: Supervisor;
  readonly #topologyFile: TopologyFile;
  readonly #walks = new Map<number, Walk>();
  #asked = 0;

  constructor(supervisor: Supervisor, topologyFile: TopologyFile) {
    this.#supervisor = supervisor;
    this.#topologyFile = topologyFile;
  }

  /** @throws ChangeRefused when a shard is away, or dies meanwhile */
  async verify(): Promise<ServiceAudit> {
    const walkers = this.#supervisor.fileHolders;
    const away = walkers.find(({ state }) => state !== 'ready');
    if (away !== undefined) throw new ChangeRefused(`${away.spec.name} is ${away.state}. Verify when it serves.`);
    const { epoch } = this.#topologyFile.ring;
    const reports = await Promise.all(walkers.map((child) => this.#walk(child)));
    const audit = auditOf(
      epoch,
      reports.map(({ type: _type, id: _id, ...report }) => report),
    );
    if (this.#topologyFile.ring.epoch !== epoch)
      throw new ChangeRefused('Slots moved meanwhile. Pause the change, or verify after it.');
    return audit;
  }

  onReport(report: AuditReportMessage): void {
    this.#walks.get(report.id)?.report.resolve(report);
    this.#walks.delete(report.id);
  }

  onDeath(child: SupervisedChild): void {
    for (const [id, walk] of this.#walks) {
      if (walk.child !== child) continue;
      this.#walks.delete(id);
      walk.report.reject(new ChangeRefused(`${child.spec.name} died meanwhile. Verify again.`));
    }
  }

  #walk(child: SupervisedChild): Promise<AuditReportMessage> {
    const id = ++this.#asked;
    const report = new Deferred<AuditReportMessage>();
    this.#walks.set(id, { child, report });
    child.send({ type: 'audit', id });
    return report.promise;
  }
}
