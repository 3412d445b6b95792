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
