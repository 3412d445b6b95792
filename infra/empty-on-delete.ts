// For try-outs: the bucket is emptied when the stack is deleted, so that it can be deleted too.
import { CustomResource } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { FerryFunction, type FunctionCommons } from './ferry-function.ts';
import { allow } from './permissions.ts';

/** Goes before the bucket does; with all that is in it, in every version. */
export class EmptyOnDelete extends Construct {
  constructor(scope: Construct, id: string, commons: FunctionCommons) {
    super(scope, id);
    const { function: called, role } = new FerryFunction(this, 'empty-bucket', {
      ...commons,
      ...{ name: 'empty-bucket', description: 'empties the bucket when the stack is deleted', config: {} },
      ...{ memoryMb: 512, timeout: 900_000 },
    });
    const { bucket } = commons.store;
    allow(role, ['s3:ListBucketVersions'], [bucket.bucketArn]);
    allow(role, ['s3:DeleteObject', 's3:DeleteObjectVersion'], [bucket.arnForObjects('*')], 'emptying');
    new CustomResource(this, 'Resource', {
      resourceType: 'Custom::EmptyOnDelete',
      serviceToken: called.functionArn,
      properties: { Bucket: bucket.bucketName },
    });
  }
}
