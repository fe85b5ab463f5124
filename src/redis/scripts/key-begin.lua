-- Sees to it that there is a key of each kind, and that each key has a life.
--
-- KEYS[1]  the key ring
-- ARGV     name and sealed key in turns: those to begin with, of the kinds that have none yet
--
-- A name is <use>:<alg>:<generation> or <use>:<generation>; its kind is what comes before the generation. A key may
-- have no life because a version of Holdfast made it that knew of none. It is the active one, unless another of its
-- kind is: then a pod of such a version still signs with it, and it is known as retired.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local ring = KEYS[1]

local function kindOf(name) return string.match(name, '^(.*):%d+$') end

local hasKey, hasActive, lifeless = {}, {}, {}
local all = redis.call('HGETALL', ring)
for i = 1, #all, 2 do
  local field = all[i]
  local name = string.match(field, '^life:(.*)$')
  if name then
    if cjson.decode(all[i + 1]).state == 'active' then hasActive[kindOf(name)] = true end
  elseif string.match(field, '^signing:') or string.match(field, '^cookie:') then
    hasKey[kindOf(field)] = true
    if redis.call('HEXISTS', ring, 'life:' .. field) == 0 then lifeless[#lifeless + 1] = field end
  end
end

for i = 1, #ARGV, 2 do
  if not hasKey[kindOf(ARGV[i])] then
    redis.call('HSET', ring, ARGV[i], ARGV[i + 1])
    lifeless[#lifeless + 1] = ARGV[i]
  end
end
if #lifeless == 0 then return 0 end

local version = redis.call('HINCRBY', ring, 'set', 1)
for _, name in ipairs(lifeless) do
  local life = { state = 'active', createdAt = now, version = version, activatedAt = now }
  if hasActive[kindOf(name)] then
    life.state = 'retired'
    life.retiredAt = now
  end
  redis.call('HSET', ring, 'life:' .. name, cjson.encode(life))
end
return #lifeless
