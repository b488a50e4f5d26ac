/** Reads the certificate and the key of TLS from their files, and finds out whether they can be used. */

import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { AccessRefused } from '../access/access-refused.ts';
import { readText } from '../config/read-text.ts';
import type { ServiceConfig } from '../config/service-config.ts';
import type { Certificate } from '../http/http-server.ts';

type CertificateConfig = Pick<ServiceConfig, 'tlsCert' | 'tlsKey'>;

/** Null where no TLS is configured. @throws AccessRefused */
export function readCertificate({ tlsCert, tlsKey }: CertificateConfig): Certificate | null {
  if (tlsCert === undefined && tlsKey === undefined) return null;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new AccessRefused('TLS needs both --tls-cert and --tls-key.');
  }
  try {
    const certificate = { cert: readText(tlsCert), key: readText(tlsKey) };
    // Throws when they do not belong together.
    createSecureContext({ ...certificate, minVersion: 'TLSv1.2' });
    const { validTo } = new X509Certificate(certificate.cert);
    if (Date.parse(validTo) <= Date.now()) throw new RangeError(`the certificate has expired, on ${validTo}`);
    return certificate;
  } catch (error) {
    throw new AccessRefused(
      `TLS with the certificate ${tlsCert} and the key ${tlsKey} is not possible: ${(error as Error).message}.`,
      { cause: error },
    );
  }
}
