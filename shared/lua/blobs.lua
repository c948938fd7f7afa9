-- Files that tools give as URLs (shared/blobs.py): how much one backend has, and for how long.

-- KEYS the file, its backend's files (a sorted set); ARGV file, bytes that it counts as, digest, ttl ms, bytes max
-- Gives 1, or 0 where the backend has as much as it may.
local function put_blob(keys, args)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREMRANGEBYSCORE', keys[2], '-inf', now)
  local held = tonumber(args[2])
  for _, member in ipairs(redis.call('ZRANGE', keys[2], 0, -1)) do
    held = held + tonumber(member:match('^%d+'))
  end
  if held > tonumber(args[5]) then return 0 end
  redis.call('SET', keys[1], args[1], 'PX', args[4])
  redis.call('ZADD', keys[2], now + args[4], args[2] .. ':' .. args[3])
  redis.call('PEXPIRE', keys[2], args[4], 'NX')
  redis.call('PEXPIRE', keys[2], args[4], 'GT')
  return 1
end

redis.register_function('tm_put_blob_@V@', put_blob)
