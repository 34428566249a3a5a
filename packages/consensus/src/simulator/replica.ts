// The simulator reaches the replica through this one door.
// oxlint-disable-next-line no-restricted-imports -- the package's own files, one folder up
export * from '../index.ts'
