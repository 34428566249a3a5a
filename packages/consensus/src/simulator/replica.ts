// The simulator reaches the replica through this one door.
export * from '../index.ts'
