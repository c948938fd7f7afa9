-- What happens to a claimed call, each in one step and only under its lease; and how one is taken off its queue.

-- ARGV lease ms, then queue, job id and owner of each lease. Gives the ids of the leases that are lost.
local function renew(_, args)
  local lost = {}
  local end_score = LEASED + math.floor(now_us() / 1000) + tonumber(args[1])
  for i = 2, #args, 3 do
    local key = 'arq:in-progress:' .. args[i + 1]
    if redis.call('GET', key) == args[i + 2] then
      redis.call('PEXPIRE', key, args[1])
      redis.call('ZADD', args[i], 'XX', end_score, args[i + 1])
    else
      lost[#lost + 1] = args[i + 1]
    end
  end
  return lost
end

local function append_audit(stream, record, length_max)
  redis.call('XADD', stream, 'MAXLEN', '~', length_max, '*', 'r', record)
end

-- KEYS lease dispatched audit; ARGV owner, fence, mark ms, audit record, audit max. Gives 1, or 0 when the lease is lost.
local function dispatch(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 0 end
  redis.call('SET', keys[2], args[2], 'PX', args[3])
  append_audit(keys[3], args[4], args[5])
  return 1
end

-- KEYS lease dispatched; ARGV owner. Takes the mark back: what was sent had no effect. Gives 1, or 0 when the lease is lost.
local function withdraw(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 0 end
  redis.call('DEL', keys[2])
  return 1
end

-- KEYS lease events; ARGV owner, event, frame, channel, ttl ms, events max. Gives 1, or 0 when the lease is lost.
local function report(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 0 end
  redis.call('XADD', keys[2], 'MAXLEN', '~', args[6], '*', 'e', args[2])
  redis.call('PEXPIRE', keys[2], args[5])
  redis.call('PUBLISH', args[4], args[3])
  return 1
end

-- KEYS lease job fence dispatched final queue in-flight audit;
-- ARGV job id, owner, final message, frame, channel, result ttl ms, audit record, audit max
-- Gives 1, or 0 when the lease is lost: then nobody may be answered.
local function finish(keys, args)
  if redis.call('GET', keys[1]) ~= args[2] then return 0 end
  redis.call('SET', keys[5], args[3], 'PX', args[6])
  redis.call('PUBLISH', args[5], args[4])
  append_audit(keys[8], args[7], args[8])
  redis.call('DEL', keys[1], keys[2], keys[3], keys[4])
  redis.call('ZREM', keys[6], args[1])
  redis.call('ZREM', keys[7], args[1])
  return 1
end

-- KEYS lease queue; ARGV job id, owner, delay ms. Puts a claimed job back, unexecuted, for a later sweep.
local function release(keys, args)
  if redis.call('GET', keys[1]) ~= args[2] then return 0 end
  redis.call('DEL', keys[1])
  redis.call('ZADD', keys[2], 'XX', LEASED + math.floor(now_us() / 1000) + tonumber(args[3]), args[1])
  return 1
end

-- KEYS lease job queue audit; ARGV job id, owner, audit record, audit max. Throws a forged job away, and says so.
local function refuse(keys, args)
  if redis.call('GET', keys[1]) ~= args[2] then return 0 end
  redis.call('DEL', keys[1])
  forget(keys[3], args[1])
  append_audit(keys[4], args[3], args[4])
  return 1
end

-- KEYS lease job final queue in-flight; ARGV job id, final message, result ttl ms, control channel, cancel message
-- [, 1 for a job that may be in a part of its queue]
-- Gives 1 (was not started, is dropped), 2 (runs: its worker was told), 0 (is over, or was never there).
local function cancel(keys, args)
  if redis.call('EXISTS', keys[3]) == 1 or redis.call('EXISTS', keys[2]) == 0 then return 0 end
  if redis.call('EXISTS', keys[1]) == 1 then
    redis.call('PUBLISH', args[4], args[5])
    return 2
  end
  redis.call('SET', keys[3], args[2], 'PX', args[3])
  forget(keys[4], args[1])
  redis.call('ZREM', keys[5], args[1])
  if args[6] then
    local general = keys[4]:match('^[^@]+')
    redis.call('ZREM', general, args[1])
    for _, worker in ipairs(redis.call('SMEMBERS', general .. ':parts')) do
      redis.call('ZREM', general .. '@' .. worker, args[1])
    end
  end
  return 1
end

redis.register_function('tm_renew_@V@', renew)
redis.register_function('tm_dispatch_@V@', dispatch)
redis.register_function('tm_withdraw_@V@', withdraw)
redis.register_function('tm_report_@V@', report)
redis.register_function('tm_finish_@V@', finish)
redis.register_function('tm_release_@V@', release)
redis.register_function('tm_refuse_@V@', refuse)
redis.register_function('tm_cancel_@V@', cancel)
