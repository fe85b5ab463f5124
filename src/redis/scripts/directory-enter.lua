-- Puts accounts on the list and into the index, as they are when they are made.
--
-- KEYS     the list of accounts, the index, and for each account its changes
-- ARGV     JSON: a list of id, createdAt, version, entries
for i, account in ipairs(cjson.decode(ARGV[1])) do
  redis.call('ZADD', KEYS[1], string.format('%.0f', account.createdAt), account.id)
  for _, entry in ipairs(account.entries) do
    redis.call('ZADD', KEYS[2], 0, entry)
  end
  -- Whoever looked for it before it was there, and still has to say that it was not.
  local changes = KEYS[2 + i]
  if redis.call('EXISTS', changes) == 1 and redis.call('HEXISTS', changes, 'known') == 0 then
    local known = { version = account.version, entries = account.entries, isOwner = false }
    redis.call('HSET', changes, 'known', cjson.encode(known))
  end
end
