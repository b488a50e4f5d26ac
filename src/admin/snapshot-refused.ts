/** No snapshot can be taken right now, or it is no more: the message says why. Another may be taken soon. */
export class SnapshotRefused extends Error {
  override readonly name = 'SnapshotRefused';
}
