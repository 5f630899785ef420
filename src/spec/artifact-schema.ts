/** `artifacts[]` of a task. Loads zod, like every schema file. */
import { z } from 'zod';
import { ARCHIVE_KINDS } from './artifact-spec.ts';
import { artifactProblems } from './artifact-rules.ts';
import { duration, freeText, text } from './schema-parts.ts';

const CHECKSUM_RULE =
  'must be sha256:, sha512: or sha1: and the digits, such as "sha256:9f86d081…". MD5 proves nothing any more';

const options = z.strictObject({
  ref: text.optional().describe('Git: a branch, a tag or a commit.'),
  depth: z.int().min(1).optional().describe('Git: how many commits. Left out: all.'),
  sshKey: text.optional().describe('Git: a private key, by name: "${DEPLOY_KEY}".'),
  region: text.optional(),
  endpoint: text.optional().describe('A service that speaks S3: "https://minio.example:9000".'),
  pathStyle: z.boolean().optional().describe('S3: the bucket is in the path, not in the host.'),
  accessKeyId: text.optional(),
  secretAccessKey: text.optional().describe('By name: "${S3_SECRET}".'),
  sessionToken: text.optional(),
});

export const artifact = z
  .strictObject({
    source: text
      .min(1)
      .describe('https://…, http://…, file:///…, git::https://…, git::ssh://…, s3://BUCKET/KEY.'),
    destination: text
      .default('local')
      .describe('Below the task directory, or alloc/… for the shared one. Default local.'),
    mode: z
      .enum(['any', 'file', 'dir'])
      .default('any')
      .describe('any: archives are unpacked. file: destination is the file. dir: a tree.'),
    checksum: text
      .refine(
        (value) =>
          value.includes('${') ||
          /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|sha1:[0-9a-f]{40})$/i.test(value),
        CHECKSUM_RULE,
      )
      .optional(),
    unpack: z
      .enum(['auto', 'never', ...ARCHIVE_KINDS])
      .optional()
      .describe('auto (the default) goes by the name of the source.'),
    headers: freeText.optional().describe('Sent to the host of the source only.'),
    options: options.optional(),
    perms: z
      .string()
      .regex(/^0?[0-7]{3}$/, 'must be octal, such as "0755"')
      .optional()
      .describe('Of a single file. Default 0644.'),
    chown: z.boolean().default(true).describe('What is fetched belongs to the user of the task.'),
    insecure: z
      .boolean()
      .optional()
      .describe('Certificates are not checked, where the agent allows it.'),
    maxBytes: z.int().min(1).optional().describe('Of everything that is fetched and unpacked.'),
    timeout: duration.optional().describe('At most what the agent allows, which is 30m.'),
  })
  .superRefine((written, context) => {
    for (const { path, text: message } of artifactProblems(written)) {
      context.addIssue({ code: 'custom', path: [...path], message });
    }
  });

export type CheckedArtifact = z.output<typeof artifact>;
