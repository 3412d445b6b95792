// The real one: that CloudFormation gets its answer is part of the deploy.
export { handler } from '../../../functions/empty-bucket.ts';
