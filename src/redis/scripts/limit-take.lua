-- Counts one attempt against every counter that it concerns, or against none: when one of them has no room, the
-- attempt is refused and nothing is counted. Attempts count before they are made, so that those sent at once
-- cannot all pass a count that none of them has raised yet.
--
-- KEYS   the counters; all in one slot
-- ARGV   for each counter four numbers or six, behind the name of its kind:
--          window  most, length in ms                       so many from the first of them on
--          delays  free, first wait in ms, longest wait in ms, most, lifetime in ms
--                  so many in a row without a wait, then waits that double, and none after the most
-- Gives  { 1 } or { 0, ms to wait, 1 when no waiting helps }

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local counters = {}
local at = 1
for _, key in ipairs(KEYS) do
  local kind = ARGV[at]
  local counter = { key = key, kind = kind }
  if kind == 'window' then
    counter.most, counter.length = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    at = at + 3
  else
    counter.free, counter.first, counter.longest = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    counter.most, counter.lifetime = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
    at = at + 6
  end
  counters[#counters + 1] = counter
end

local wait, isFinal = 0, 0
for _, counter in ipairs(counters) do
  if counter.kind == 'window' then
    counter.count = tonumber(redis.call('GET', counter.key) or 0)
    if counter.count >= counter.most then wait = math.max(wait, redis.call('PTTL', counter.key), 1) end
  else
    local state = redis.call('HMGET', counter.key, 'count', 'next')
    counter.count = tonumber(state[1] or 0)
    local nextAt = tonumber(state[2] or 0)
    if counter.count >= counter.most then
      wait, isFinal = math.max(wait, counter.longest), 1
    elseif nextAt > now then
      wait = math.max(wait, nextAt - now)
    end
  end
end
if wait > 0 then return { 0, wait, isFinal } end

for _, counter in ipairs(counters) do
  local count = counter.count + 1
  if counter.kind == 'window' then
    redis.call('INCR', counter.key)
    if count == 1 then redis.call('PEXPIRE', counter.key, counter.length) end
  else
    local nextAt = 0
    if count >= counter.free then
      nextAt = now + math.min(counter.first * 2 ^ (count - counter.free), counter.longest)
    end
    redis.call('HSET', counter.key, 'count', count, 'next', string.format('%.0f', nextAt))
    redis.call('PEXPIRE', counter.key, counter.lifetime)
  end
end
return { 1 }
