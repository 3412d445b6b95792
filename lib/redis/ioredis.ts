// What is used of ioredis, to be imported when it is needed: a bundle in several files gives a CommonJS module that is
// itself imported so no names, only a default.
export { AbstractConnector, Redis } from 'ioredis';
