-- Changes fields of an account that was opened, if it is still as expected, and counts its version up. What a flow
-- of several steps completes it may ask for again: it is done once.
--
-- KEYS[1]  the account
-- ARGV     JSON: set (field to value), drop (fields), endsSessions (counts its epoch up too), require (field to
--          the value that it must have), and completion with flow (the id of what is completed, and of which kind)
-- Gives    'ok' | 'again' with all its fields and values, in turns; 'changed' when it is not as required; nothing
--          when it is gone, pending or deleted
local status = redis.call('HGET', KEYS[1], 'status')
if not status or status == 'pending' or status == 'deleted' then return {} end

local function found(result)
  local all = redis.call('HGETALL', KEYS[1])
  table.insert(all, 1, result)
  return all
end

local change = cjson.decode(ARGV[1])
local done = change.flow and 'done:' .. change.flow
if done and redis.call('HGET', KEYS[1], done) == change.completion then return found('again') end
for field, value in pairs(change.require or {}) do
  if redis.call('HGET', KEYS[1], field) ~= value then return { 'changed' } end
end

for field, value in pairs(change.set or {}) do
  redis.call('HSET', KEYS[1], field, value)
end
for _, field in ipairs(change.drop or {}) do
  redis.call('HDEL', KEYS[1], field)
end
if done then redis.call('HSET', KEYS[1], done, change.completion) end
redis.call('HINCRBY', KEYS[1], 'version', 1)
if change.endsSessions then redis.call('HINCRBY', KEYS[1], 'epoch', 1) end
return found('ok')
