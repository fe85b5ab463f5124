import { adminAct, openEvents } from './event-fixture.ts';

/** A pod that begins an act and is killed in the middle of it. */
const [url = '', prefix = ''] = process.argv.slice(2);
const { events } = await openEvents(url, { prefix, pod: 'pod-killed' });
await events.act(adminAct({ requestId: 'request-killed' }), () => {
  process.send?.('begun');
  return new Promise<{ ok: boolean }>(() => {});
});
