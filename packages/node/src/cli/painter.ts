/** Keeps a block of lines at the end of a terminal, below everything else that is written there. */
export interface Painter {
  /** Draws the block anew; without lines it is gone. */
  paint(lines: readonly string[]): void
  /** Writes something above the block. */
  above(write: () => void): void
}

/** Goes to the beginning of a line so many lines up, and clears all below (ECMA-48: CPL, ED). */
function clearUp(lines: number): string {
  return `\r${lines === 0 ? '' : `\u001B[${lines}F`}\u001B[0J`
}

/** Makes the {@link Painter} of a terminal. */
export function createPainter(write: (text: string) => void): Painter {
  let drawn: readonly string[] = []
  const erase = (): void => {
    if (drawn.length > 0) write(clearUp(drawn.length))
  }
  const draw = (): void => {
    if (drawn.length > 0) write(`${drawn.join('\n')}\n`)
  }
  return {
    paint(lines) {
      erase()
      drawn = lines
      draw()
    },
    above(writeOther) {
      erase()
      writeOther()
      draw()
    }
  }
}
