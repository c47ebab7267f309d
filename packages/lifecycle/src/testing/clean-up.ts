/** What a test file leaves behind is cleared up at its end and not with each test, since tests that mostly wait do so side by side. */

const cleanUps: (() => void)[] = [];

export function atEndOfFile(cleanUp: () => void): void {
  cleanUps.push(cleanUp);
}

export function endFile(): void {
  for (const cleanUp of cleanUps.splice(0)) {
    cleanUp();
  }
}
