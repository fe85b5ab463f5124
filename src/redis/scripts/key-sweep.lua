-- Moves keys on whose time has come.
--
-- KEYS[1]  the key ring
-- ARGV     the lowest version of the set that a live pod serves, 0 when there is no such pod; 1 while a pod is alive
--          that serves none yet; then for each use: its name, how long a key is served by all before it is active,
--          and how long it is kept when it was retired, in ms
-- Gives    how many keys were moved on, and the names of those that became active
--
-- published → active  when every live pod has served it for so long; the one before it is retired then
-- retired → removed   when so much time has passed

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local ring = KEYS[1]
local lowest, isOneStarting = tonumber(ARGV[1]), ARGV[2] == '1'

local waitMs, keptMs = {}, {}
for i = 3, #ARGV, 3 do
  waitMs[ARGV[i]] = tonumber(ARGV[i + 1])
  keptMs[ARGV[i]] = tonumber(ARGV[i + 2])
end

local lives, active = {}, {}
local all = redis.call('HGETALL', ring)
for i = 1, #all, 2 do
  local name = string.match(all[i], '^life:(.*)$')
  if name then
    local life = cjson.decode(all[i + 1])
    local one = { name = name, life = life, use = string.match(name, '^[^:]+'), kind = string.match(name, '^(.*):%d+$') }
    lives[#lives + 1] = one
    if life.state == 'active' then active[one.kind] = one end
  end
end

local function keep(one) redis.call('HSET', ring, 'life:' .. one.name, cjson.encode(one.life)) end

local moved, activated = 0, {}
for _, one in ipairs(lives) do
  local life = one.life
  if life.state == 'published' and lowest > 0 then
    if lowest < life.version then
      -- A pod serves the set from before it: whoever asks that pod may keep it from now on.
      if life.servedSince then
        life.servedSince = nil
        keep(one)
      end
    else
      if not life.servedSince then
        life.servedSince = now
        keep(one)
      end
      -- One that starts has not said yet whether it has the key.
      if not isOneStarting and life.servedSince + waitMs[one.use] <= now then
        local before = active[one.kind]
        if before then
          before.life.state = 'retired'
          before.life.retiredAt = now
          keep(before)
        end
        life.state = 'active'
        life.activatedAt = now
        keep(one)
        activated[#activated + 1] = one.name
        moved = moved + 1
      end
    end
  elseif life.state == 'retired' and life.retiredAt + keptMs[one.use] <= now then
    redis.call('HDEL', ring, one.name, 'life:' .. one.name)
    moved = moved + 1
  end
end
if moved > 0 then redis.call('HINCRBY', ring, 'set', 1) end
return { moved, activated }
