/** Changes of a character after which a word is not taken for another one any more. */
const DISTANCE_MAX = 3

/** A question about the word that was probably meant, with a space before it; empty when none is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = known
    .map(each => ({ each, distance: editDistance(word.toLowerCase(), each.toLowerCase()) }))
    .filter(({ each, distance }) => distance <= Math.min(DISTANCE_MAX, each.length / 2))
    .toSorted((a, b) => a.distance - b.distance)[0]
  return near === undefined ? '' : ` (did you mean ${near.each}?)`
}

/** How many characters must be put in, taken out or changed (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, k) => k)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
