// Where an object stands, and what people call it.

export interface ObjectLocation {
  readonly bucket: string;
  readonly key: string;
  /** Which version, where the bucket keeps versions. Default: the newest. */
  readonly version?: string | undefined;
}

/** `s3://BUCKET/KEY`, as the AWS CLI takes it. */
export function objectUrl({ bucket, key }: ObjectLocation): string {
  return `s3://${bucket}/${key}`;
}

/** Of such a URL; `undefined` for what is none. The key of `s3://BUCKET/` is empty. */
export function parseObjectUrl(url: string): ObjectLocation | undefined {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.*)$/s.exec(url) ?? [];
  return bucket === undefined || key === undefined ? undefined : { bucket, key };
}
