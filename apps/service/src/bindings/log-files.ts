/** What keeps the service from starting because of its log files, in the words of its configuration. */
class LogFilesError extends Error {
  override readonly name = "LogFilesError";
  readonly code = "LOG_FILE_DIR_UNWRITABLE";
  readonly exitCode = 4;
}

/**
 * Runs `start`, which opens the log files.
 *
 * @throws LogFilesError that names the variable, when the directory takes no file.
 */
export function namingLogFileDir<T>(start: () => T): T {
  try {
    return start();
  } catch (error) {
    const unwritable = error instanceof Error && "code" in error && error.code === "LOG_FILES_UNWRITABLE";
    if (!unwritable) throw error;
    throw new LogFilesError(`LOG_FILE_DIR does not work. ${error.message}`, { cause: error });
  }
}
