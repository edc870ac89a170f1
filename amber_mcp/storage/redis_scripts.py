"""What Redis does for us in one step, in Lua.

Each caller has an index of each kind: a sorted set of names in the order in which they were last
written, and a hash that tells their sealed ids.

A script that adds is given a token: sent again, because its answer was lost, it is not done again.
"""

_REMEMBERED_MS = 60_000

_INDEX = """
local function is_there(prefix, name)
  return redis.call('EXISTS', prefix .. name .. ':record', prefix .. name .. ':items') > 0
end

local function touch(order, ids, prefix, name, id, ttl)
  local last = redis.call('ZREVRANGE', order, 0, 0, 'WITHSCORES')
  redis.call('ZADD', order, (last[2] or 0) + 1, name)
  redis.call('HSET', ids, name, id)
  for _, index in ipairs({order, ids}) do
    if redis.call('PTTL', index) < ttl then redis.call('PEXPIRE', index, ttl) end
  end
  -- Two go for each one that comes, so that the index does not grow with what has expired.
  for _, old in ipairs(redis.call('ZRANGE', order, 0, 1)) do
    if not is_there(prefix, old) then
      redis.call('ZREM', order, old)
      redis.call('HDEL', ids, old)
    end
  end
end
"""

ADD = f"""{_INDEX}
local record, order, ids, token = unpack(KEYS)
local prefix, name, id, ttl, value = unpack(ARGV)
if redis.call('EXISTS', record) == 1 then return redis.call('EXISTS', token) end
redis.call('SET', token, '', 'PX', math.min(ttl, {_REMEMBERED_MS}))
redis.call('SET', record, value, 'PX', ttl)
touch(order, ids, prefix, name, id, tonumber(ttl))
return 1
"""

PUT = f"""{_INDEX}
local record, order, ids = unpack(KEYS)
local prefix, name, id, ttl, value = unpack(ARGV)
redis.call('SET', record, value, 'PX', ttl)
touch(order, ids, prefix, name, id, tonumber(ttl))
"""

APPEND = f"""{_INDEX}
local items, order, ids, token = unpack(KEYS)
local prefix, name, id, ttl, channel, create = unpack(ARGV, 1, 6)
if redis.call('EXISTS', token) == 1 then return 1 end
if create == '0' and redis.call('EXISTS', items) == 0 then return 0 end
if #ARGV == 6 then return 1 end
redis.call('SET', token, '', 'PX', {_REMEMBERED_MS})
for i = 7, #ARGV do redis.call('RPUSH', items, ARGV[i]) end
redis.call('PEXPIRE', items, ttl)
touch(order, ids, prefix, name, id, tonumber(ttl))
redis.call('PUBLISH', channel, name)
return 1
"""

DELETE = """
local record, items, order, ids = unpack(KEYS)
redis.call('UNLINK', record, items)
redis.call('ZREM', order, ARGV[1])
redis.call('HDEL', ids, ARGV[1])
"""

IDS = f"""{_INDEX}
local order, ids = unpack(KEYS)
local found = {{}}
for _, name in ipairs(redis.call('ZREVRANGE', order, 0, -1)) do
  if is_there(ARGV[1], name) then
    found[#found + 1] = name
    found[#found + 1] = redis.call('HGET', ids, name)
  else
    redis.call('ZREM', order, name)
    redis.call('HDEL', ids, name)
  end
end
return found
"""
