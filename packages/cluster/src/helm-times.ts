/** For each of Helm's waits. */
export const DEFAULT_TIMEOUT_SECONDS = 120;
/** Helm ends by its own clock first, since its sentence says more than ours. */
export const HELM_MARGIN_SECONDS = 30;
