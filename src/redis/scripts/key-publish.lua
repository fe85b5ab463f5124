-- Begins the rotation of all keys of a use: new ones are in the set from now on, and sign nothing yet.
--
-- KEYS[1]  the key ring
-- ARGV     use; the latest generation as it was read; the new one; then name and sealed key in turns
-- Gives    1, or 0 when a rotation is under way or another pod was first

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local ring, use = KEYS[1], ARGV[1]

if (redis.call('HGET', ring, 'generation:' .. use) or '1') ~= ARGV[2] then return 0 end
local all = redis.call('HGETALL', ring)
for i = 1, #all, 2 do
  local isOfUse = string.sub(all[i], 1, #use + 6) == 'life:' .. use .. ':'
  if isOfUse and cjson.decode(all[i + 1]).state == 'published' then return 0 end
end

redis.call('HSET', ring, 'generation:' .. use, ARGV[3])
local version = redis.call('HINCRBY', ring, 'set', 1)
for i = 4, #ARGV, 2 do
  local life = { state = 'published', createdAt = now, version = version }
  redis.call('HSET', ring, ARGV[i], ARGV[i + 1], 'life:' .. ARGV[i], cjson.encode(life))
end
return 1
