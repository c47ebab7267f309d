/** How a check says what it found. A judgement throws one of these or returns a sentence. */

/** The claim does not hold. The only thing that makes a control red. */
export class Broken extends Error {
  override readonly name = "Broken";
}

/** There was too little to judge: neither right nor wrong. */
export class TooLittle extends Error {
  override readonly name = "TooLittle";
}

/** A control that is not called wrong, or called wrong for another reason than the predicted one. */
export class NotRed extends Error {
  override readonly name = "NotRed";
}

/** What a control is for: the same judgement, which must call this wrong for the predicted reason. @returns that reason */
export async function mustBreak(predicted: RegExp, judge: () => unknown): Promise<string> {
  let found: unknown;
  try {
    found = await judge();
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    if (predicted.test(error.message)) return error.message;
    throw new NotRed(`it was called wrong for another reason than the predicted one: ${error.message}`);
  }
  throw new NotRed(`the same judgement still calls it right: ${String(found)}`);
}
