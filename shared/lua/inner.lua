-- Calls of running calls (shared/inner.py): the list of requests, and how many calls one parent has made.

-- KEYS list; ARGV request, depth max, ttl ms. Gives 1, or 0 where as many requests wait as may.
local function ask(keys, args)
  if redis.call('LLEN', keys[1]) >= tonumber(args[2]) then return 0 end
  redis.call('RPUSH', keys[1], args[1])
  redis.call('PEXPIRE', keys[1], args[3])
  return 1
end

-- KEYS calls of a parent (a hash), the parent's final result; ARGV id of the call, ordinal, calls max, runs max, ttl ms. Counts
-- a call; one that was counted before is the same call again.
-- What is held to the maximum are ordinals: a parent that is run again because its worker died counts them anew, and may ask
-- for something else under each, as often as a call may be run.
-- Gives 1, 2 (was counted before), 0 (the parent has made as many calls as it may), -1 (the parent is over).
local function count(keys, args)
  if redis.call('EXISTS', keys[2]) == 1 then return -1 end
  local id, ordinal = args[1], '#' .. args[2]
  if redis.call('HEXISTS', keys[1], id) == 1 then return 2 end
  local under = tonumber(redis.call('HGET', keys[1], ordinal) or 0)
  local ordinals = tonumber(redis.call('HGET', keys[1], 'n') or 0)
  if under >= tonumber(args[4]) or (under == 0 and ordinals >= tonumber(args[3])) then return 0 end
  redis.call('HSET', keys[1], id, args[2])
  redis.call('HINCRBY', keys[1], ordinal, 1)
  if under == 0 then redis.call('HINCRBY', keys[1], 'n', 1) end
  redis.call('PEXPIRE', keys[1], args[5])
  return 1
end

redis.register_function('tm_ask_@V@', ask)
redis.register_function('tm_count_@V@', count)
