/** The environment of processes that a test starts as a user would: without what tap loads into those of a test. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...env } = process.env
  return env
}
