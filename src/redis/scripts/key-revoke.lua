-- Takes a key out of the set, and puts another in its place.
--
-- KEYS[1]  the key ring
-- ARGV     name of the key; the latest generation of its use as it was read; the new one; name and sealed key of one
--          that takes its place, where there is no other
-- Gives    the name of the one in its place; 'gone' when there is no such key, 'again' when another generation was made
--          meanwhile

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local ring, name = KEYS[1], ARGV[1]

local text = redis.call('HGET', ring, 'life:' .. name)
if not text then return 'gone' end
local use = string.match(name, '^[^:]+')
local kind = string.match(name, '^(.*):%d+$')
local state = cjson.decode(text).state

local others = {}
local all = redis.call('HGETALL', ring)
for i = 1, #all, 2 do
  local other = string.match(all[i], '^life:(.*)$')
  if other and other ~= name and string.match(other, '^(.*):%d+$') == kind then
    local life = cjson.decode(all[i + 1])
    others[life.state] = { name = other, life = life }
  end
end

-- What takes its place: of a retired key the active one; of the active one that which was to follow; else a new one.
local successor
if state == 'retired' then successor = others.active end
if state == 'active' then successor = others.published end
if not successor then
  if (redis.call('HGET', ring, 'generation:' .. use) or '1') ~= ARGV[2] then return 'again' end
  redis.call('HSET', ring, 'generation:' .. use, ARGV[3], ARGV[4], ARGV[5])
  successor = { name = ARGV[4], life = { createdAt = now } }
end

redis.call('HDEL', ring, name, 'life:' .. name)
local version = redis.call('HINCRBY', ring, 'set', 1)
if not successor.life.version then successor.life.version = version end
if state == 'published' then
  successor.life.state = 'published'
elseif state == 'active' or not successor.life.state then
  successor.life.state = 'active'
  successor.life.activatedAt = now
end
redis.call('HSET', ring, 'life:' .. successor.name, cjson.encode(successor.life))
return successor.name
