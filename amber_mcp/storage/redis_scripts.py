"""What Redis does for us in one step, in Lua.

An entry is a hash: its `record`, its `id`, and its items under their numbers, of which there are
`length`. Each caller has an index of each kind: a sorted set of the entries' names in the order in
which they were last written. All values but `length` are encrypted.

A script that adds is given a token: sent again, because its answer was lost, it is not done again.
"""

_REMEMBERED_MS = 60_000

_TOUCH = """
local function touch(entry, index, ttl)
  redis.call('PEXPIRE', entry, ttl)
  local last = redis.call('ZREVRANGE', index, 0, 0, 'WITHSCORES')
  redis.call('ZADD', index, (last[2] or 0) + 1, entry)
  if redis.call('PTTL', index) < ttl then redis.call('PEXPIRE', index, ttl) end
  -- Two go for each one that comes, so that the index does not grow with what is gone.
  for _, old in ipairs(redis.call('ZRANGE', index, 0, 1)) do
    if redis.call('EXISTS', old) == 0 then redis.call('ZREM', index, old) end
  end
end
"""

# With a token, only where there is no record; with an old record, only where that is there.
SET = f"""{_TOUCH}
local entry, index, token = unpack(KEYS)
local id, ttl, record, old = unpack(ARGV)
if old and redis.call('HGET', entry, 'record') ~= old then return 0 end
if token then
  if redis.call('HEXISTS', entry, 'record') == 1 then return redis.call('EXISTS', token) end
  redis.call('SET', token, '', 'PX', math.min(ttl, {_REMEMBERED_MS}))
end
redis.call('HSET', entry, 'id', id, 'record', record)
touch(entry, index, tonumber(ttl))
return 1
"""

APPEND = f"""{_TOUCH}
local entry, index, token = unpack(KEYS)
local id, ttl, create = unpack(ARGV, 1, 3)
if redis.call('EXISTS', token) == 1 then return 1 end
local length = tonumber(redis.call('HGET', entry, 'length') or 0)
if create == '0' and length == 0 then return 0 end
if #ARGV == 3 then return 1 end
redis.call('SET', token, '', 'PX', {_REMEMBERED_MS})
redis.call('HSET', entry, 'id', id, 'length', length + #ARGV - 3)
for i = 4, #ARGV do redis.call('HSET', entry, length + i - 4, ARGV[i]) end
touch(entry, index, tonumber(ttl))
return 1
"""

ITEMS = """
local length = tonumber(redis.call('HGET', KEYS[1], 'length') or 0)
local items = {}
for i = tonumber(ARGV[1]), length - 1 do
  items[#items + 1] = redis.call('HGET', KEYS[1], i)
end
return items
"""

IDS = """
local found = {}
for _, entry in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
  local id = redis.call('HGET', entry, 'id')
  if id then
    found[#found + 1] = entry
    found[#found + 1] = id
  else
    redis.call('ZREM', KEYS[1], entry)
  end
end
return found
"""
