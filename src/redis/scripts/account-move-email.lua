-- The two steps of an account's move from one e-mail address to another.
--   claim  says that the account is about to move, so that an address which it holds for good already is not taken
--          for one that it lost; only for a time
--   move   changes the address; the one before stays claimed for a time, so that the move can be undone
--
-- KEYS[1]  the account
-- ARGV     'claim' | 'move', JSON: completion, from and to (addresses), fromHash and toHash (their keyed hashes),
--          epoch (or none), ms for which the claim holds (holdMs), most moves in that time; undoes (the completion
--          of the move that this one takes back: ends sessions, and takes the password away); isFinal (by an
--          administrator: neither this move nor those before it can be taken back, and the address before is not
--          claimed any more; also of a disabled account); version (that the account must have to be moved); set,
--          drop and endsSessions (what else changes with the address)
-- Gives    'ok' | 'again' with all fields and values of the account, in turns; 'changed' when the account is not as
--          it was when the move was asked for, 'version' when only its version is another; 'often' after too many
--          moves; nothing when it is gone
--
-- The field `moves` lists the moves that can still be taken back, oldest first, as <completion>:<until ms>. Taking
-- one back takes those after it back too: the address that a stranger moved it to gets no way back to it.
local step, move = ARGV[1], cjson.decode(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function found(result)
  local all = redis.call('HGETALL', KEYS[1])
  table.insert(all, 1, result)
  return all
end

local account = redis.call('HMGET', KEYS[1], 'status', 'email', 'epoch', 'done:move', 'otherEmail', 'otherEmailUntil')
local status, email, epoch, done, other, untilTime = unpack(account)
if not status or status == 'deleted' then return {} end
if done == move.completion then return found('again') end
local mayMove = status == 'active' or (move.isFinal and status ~= 'pending')
if not mayMove or email ~= move.from then return { 'changed' } end

local moves, last = {}, nil
for id, untilMs in string.gmatch(redis.call('HGET', KEYS[1], 'moves') or '', '([^:,]+):(%d+)') do
  if tonumber(untilMs) > now then
    moves[#moves + 1] = id .. ':' .. untilMs
    if id == move.undoes then last = #moves - 1 end
  end
end
if move.undoes then
  if not last then return { 'changed' } end
  while #moves > last do table.remove(moves) end
elseif #moves >= move.most and not move.isFinal then
  return { 'often' }
end

if move.epoch and epoch ~= tostring(move.epoch) then return { 'changed' } end

local holdsUntil = string.format('%.0f', now + move.holdMs)
if step == 'claim' then
  redis.call('HSET', KEYS[1], 'otherEmail', move.toHash, 'otherEmailUntil', holdsUntil)
  return found('ok')
end

if other ~= move.toHash or tonumber(untilTime) < now then return { 'changed' } end
if move.version and redis.call('HGET', KEYS[1], 'version') ~= tostring(move.version) then return { 'version' } end
redis.call('HSET', KEYS[1], 'email', move.to, 'emailVerified', '1', 'done:move', move.completion)
redis.call('HSET', KEYS[1], 'updatedAt', string.format('%.0f', now))
if move.isFinal then
  redis.call('HDEL', KEYS[1], 'otherEmail', 'otherEmailUntil', 'moves')
else
  redis.call('HSET', KEYS[1], 'otherEmail', move.fromHash, 'otherEmailUntil', holdsUntil)
  if not move.undoes then moves[#moves + 1] = move.completion .. ':' .. holdsUntil end
  redis.call('HSET', KEYS[1], 'moves', table.concat(moves, ','))
end
for field, value in pairs(move.set or {}) do
  redis.call('HSET', KEYS[1], field, value)
end
for _, field in ipairs(move.drop or {}) do
  redis.call('HDEL', KEYS[1], field)
end
redis.call('HINCRBY', KEYS[1], 'version', 1)
if move.undoes then redis.call('HDEL', KEYS[1], 'passwordHash') end
if move.undoes or move.endsSessions then redis.call('HINCRBY', KEYS[1], 'epoch', 1) end
return found('ok')
