-- Keeps what a pod says of itself, and lets go of pods that have been silent.
--
-- KEYS[1]  the hash of pods: id → JSON
-- ARGV     how long a silent pod counts as alive, in ms; the pod's id; what it says, JSON
--
-- Gives    how many are alive, and the newest version of the key set that one of them serves
-- Stamps are ms of Redis time. A pod keeps the time at which it first spoke.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local silentMs = tonumber(ARGV[1])

local said = cjson.decode(ARGV[3])
said.startedAt = now
said.seenAt = now
local alive = 1
local newest = said.keySetVersion or 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local pod = cjson.decode(all[i + 1])
  if all[i] == ARGV[2] then
    said.startedAt = pod.startedAt
  elseif pod.seenAt + silentMs < now then
    redis.call('HDEL', KEYS[1], all[i])
  else
    alive = alive + 1
    newest = math.max(newest, pod.keySetVersion or 0)
  end
end
redis.call('HSET', KEYS[1], ARGV[2], cjson.encode(said))
redis.call('PEXPIRE', KEYS[1], silentMs * 6)
return { alive, newest }
