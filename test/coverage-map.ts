/**
 * Tests that are run without counting which code they reach: they reach none that no other test does, and counting
 * doubles their time and that of the processes that they start.
 */
const NOT_COUNTED: readonly RegExp[] = [
  // Whole networks in processes of their own.
  /^test\/examples\.test\.ts$/,
  // A program in C.
  /^test\/c-device\.test\.ts$/,
  // Thousands of simulated heights of code that simulation.test.ts counts.
  /^packages\/consensus\/test\/(adversity|changes|readme|stalls)\.test\.ts$/,
  // Thousands of damaged receipts, and networks under attack, in code that the tests beside them count.
  /^packages\/core\/test\/ledger\/receipt-fuzz\.test\.ts$/,
  /^packages\/node\/test\/network\/(flood|storm)\.test\.ts$/
]

/** What tap asks for each test file: null for one that is not counted, nothing in particular for all others. */
// oxlint-disable-next-line import/no-default-export -- as tap wants it
export default function coverageMap(file: string): null | readonly string[] {
  return NOT_COUNTED.some(pattern => pattern.test(file)) ? null : []
}
