/** What the socket of a running `start` understands. */
import { usageError } from "./cli-error.ts";
import type { ControlAnswer, ControlHandler } from "./control-socket.ts";
import type { Actions } from "./session-actions.ts";
import type { Session } from "./session.ts";

/** `stop` begins to end it, and answers when the last replica has ended. */
export function createControlHandler(opts: {
  session: Session;
  actions: Actions;
  stop: () => Promise<ControlAnswer>;
}): ControlHandler {
  const { session, actions, stop } = opts;
  return function handle({ command, args = {} }, progress) {
    switch (command) {
      case "hello":
        return { text: "", result: { pid: process.pid, url: session.url } };
      case "status":
        return { text: "", result: session.snapshot() };
      case "rollout":
        return actions.rollOut({
          progress,
          ...(typeof args["version"] === "string" ? { version: args["version"] } : {}),
        });
      case "kill":
        return actions.kill(typeof args["replica"] === "string" ? { replica: args["replica"] } : {});
      case "scale":
        return actions.scale({ replicas: Number(args["replicas"]) });
      case "break":
        return actions.breakStock(typeof args["slowSeconds"] === "number" ? { slowSeconds: args["slowSeconds"] } : {});
      case "heal":
        return actions.healStock();
      case "overload":
        return actions.overload(typeof args["seconds"] === "number" ? { seconds: args["seconds"] } : {});
      case "stop":
        return stop();
      default:
        throw usageError(
          `The running start does not know "${command}": it was started by another version of this checkout. End it and start it again.`,
        );
    }
  };
}
