-- Changes one aggregate, all or nothing: every check is made before the first write.
--
-- KEYS   every key that an operation names; all in one slot
-- ARGV   operations, one after another: name, index into KEYS, number of arguments, the arguments
-- Gives  { 1 } when everything was written, or { 0, index into KEYS, reason, answer? } when a check failed
--        and nothing was. Reasons: gone, dead, spent, taken, changed.
--
-- Hash fields with a meaning here: `dead` marks a tombstone, `consumed` a thing that was spent.
-- Stamps are milliseconds of Redis time, so that the clocks of the pods do not matter.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local checks = {}

-- the record is there and was not buried
checks['alive'] = function(key)
  local found = redis.call('EXISTS', key) == 1
  if not found then return 'gone' end
  if redis.call('HEXISTS', key, 'dead') == 1 then return 'dead' end
end

-- the record may be missing but was not buried
checks['not-dead'] = function(key)
  if redis.call('HEXISTS', key, 'dead') == 1 then return 'dead' end
end

checks['absent'] = function(key)
  if redis.call('EXISTS', key) == 1 then return 'taken' end
end

-- args: index of the key with the sealed answer that the first spender left
checks['unspent'] = function(key, args)
  if redis.call('EXISTS', key) == 0 then return 'gone' end
  if redis.call('HEXISTS', key, 'consumed') == 1 then
    return 'spent', redis.call('GET', KEYS[tonumber(args[1])])
  end
end

-- args: field, value
checks['same'] = function(key, args)
  if redis.call('HGET', key, args[1]) ~= args[2] then return 'changed' end
end

-- args: field
checks['lacking'] = function(key, args)
  if redis.call('HEXISTS', key, args[1]) == 1 then return 'changed' end
end

local writes = {}

-- args: lifetime in ms (0 keeps the one it has), then field and value in turns
writes['set'] = function(key, args)
  local fields = {}
  for i = 2, #args do fields[i - 1] = args[i] end
  redis.call('HSET', key, unpack(fields))
  if args[1] ~= '0' then redis.call('PEXPIRE', key, args[1]) end
end

-- args: lifetime in ms from now; a lifetime that is longer already stays. A record that was just made and
-- has none yet gets it.
writes['extend'] = function(key, args)
  if redis.call('PTTL', key) < tonumber(args[1]) then redis.call('PEXPIRE', key, args[1]) end
end

-- args: lifetime in ms from now
writes['expire'] = function(key, args)
  redis.call('PEXPIRE', key, args[1])
end

-- args: fields
writes['drop'] = function(key, args)
  redis.call('HDEL', key, unpack(args))
end

-- args: field, ms from now: stamps a time to come
writes['stamp'] = function(key, args)
  redis.call('HSET', key, args[1], now + tonumber(args[2]))
end

writes['spend'] = function(key)
  redis.call('HSET', key, 'consumed', now)
end

-- args: lifetime of the tombstone in ms
writes['bury'] = function(key, args)
  redis.call('DEL', key)
  redis.call('HSET', key, 'dead', now)
  redis.call('PEXPIRE', key, args[1])
end

-- args: lifetime in ms, value
writes['text'] = function(key, args)
  redis.call('SET', key, args[2], 'PX', args[1])
end

writes['remove'] = function(key)
  redis.call('DEL', key)
end

-- args: member, ms from now at which it falls off the list
writes['list'] = function(key, args)
  local lifetime = tonumber(args[2])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  redis.call('ZADD', key, 'GT', string.format('%.0f', now + lifetime), args[1])
  if redis.call('PTTL', key) < lifetime then redis.call('PEXPIRE', key, args[2]) end
end

-- args: members
writes['unlist'] = function(key, args)
  redis.call('ZREM', key, unpack(args))
end

local operations = {}
local i = 1
while i <= #ARGV do
  local count = tonumber(ARGV[i + 2])
  local args = {}
  for j = 1, count do args[j] = ARGV[i + 2 + j] end
  operations[#operations + 1] = { name = ARGV[i], index = tonumber(ARGV[i + 1]), args = args }
  i = i + 3 + count
end

for _, operation in ipairs(operations) do
  local check = checks[operation.name]
  if check then
    local reason, answer = check(KEYS[operation.index], operation.args)
    if reason then return { 0, operation.index, reason, answer or '' } end
  end
end
for _, operation in ipairs(operations) do
  local write = writes[operation.name]
  if write then write(KEYS[operation.index], operation.args) end
end
return { 1 }
