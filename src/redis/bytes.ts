import { type Cluster, Command, type Redis } from 'ioredis';

/**
 * Sends a command whose values are bytes. Not `callBuffer`, which loses the command's name where ioredis gathers
 * commands into pipelines.
 */
export function sendBytes(
  client: Redis | Cluster,
  name: string,
  args: (string | Buffer | number)[],
): Promise<unknown> {
  const command = new Command(name, args, { replyEncoding: null });
  client.sendCommand(command);
  return command.promise;
}
