/** The keys of a running `start`. */
import type { Actions } from "./session-actions.ts";
import { messageOf } from "./cli-error.ts";

export interface KeyContext {
  stdin: NodeJS.ReadStream;
  actions: Actions;
  tell: (text: string, tone: "bad") => void;
  toggleHelp: () => void;
  quit: () => void;
}

const CTRL_C = "\u0003";

/** Reads keys until the returned function is called. Does nothing where stdin is no terminal. */
export function watchKeys(context: KeyContext): () => void {
  const { stdin } = context;
  if (!stdin.isTTY) return () => {};
  stdin.setRawMode(true).setEncoding("utf8").resume();
  const hear = (text: string): void => {
    for (const key of text) press(key, context);
  };
  stdin.on("data", hear);
  return () => {
    stdin.off("data", hear);
    stdin.setRawMode(false).pause();
  };
}

/** What one key does. */
export function press(key: string, context: KeyContext): void {
  const action = actionOf(key, context);
  void Promise.resolve(action)?.catch((error: unknown) => context.tell(messageOf(error).replace(/\.$/, ""), "bad"));
}

function actionOf(key: string, { actions, toggleHelp, quit }: KeyContext): Promise<unknown> | undefined | void {
  switch (key) {
    case "r":
      return actions.rollOut();
    case "k":
      return actions.kill();
    case "+":
    case "=":
      return actions.scaleBy(1);
    case "-":
      return actions.scaleBy(-1);
    case "b":
      return actions.breakStock();
    case "h":
      return actions.healStock();
    case "o":
      return actions.overload();
    case "?":
      return toggleHelp();
    case "q":
    case CTRL_C:
      return quit();
    default:
      return undefined;
  }
}
