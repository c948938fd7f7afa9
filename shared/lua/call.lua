-- What happens to a claimed call, each in one step and only under its lease; and how one is taken off its queue.

-- Whether a run may still act and answer for a job: it holds the lease, or the lease ran out (or a restarted broker forgot
-- it) and nobody has taken the job over since: no other one holds it, has ended it, or has sent it. Lost is a lease only to
-- another run, so that a pause or an outage that nobody used costs nothing.
local function owns(id, owner)
  local who = redis.call('GET', 'arq:in-progress:' .. id)
  if who then return who == owner end
  if redis.call('EXISTS', 'tm:final:' .. id) == 1 then return false end
  local mark = redis.call('GET', 'tm:dispatched:' .. id)
  return not mark or mark == owner
end

-- ARGV lease ms, then queue, job id and owner of each lease. Gives the ids of the leases that are lost.
local function renew(_, args)
  local lost = {}
  local end_score = LEASED + math.floor(now_us() / 1000) + tonumber(args[1])
  for i = 2, #args, 3 do
    local key = 'arq:in-progress:' .. args[i + 1]
    if owns(args[i + 1], args[i + 2]) then
      redis.call('SET', key, args[i + 2], 'PX', args[1])
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

-- KEYS lease dispatched audit; ARGV owner, job id, lease ms, mark ms, audit record, audit max, deadline ms
-- Renews the lease, too. Gives 1, 0 when the lease is lost, or -1 when the call's time is over: its end, which outlives its
-- deadline, may have been forgotten by then, and with it that another run sent it.
local function dispatch(keys, args)
  if now_us() / 1000 > tonumber(args[7]) then return -1 end
  if not owns(args[2], args[1]) then return 0 end
  redis.call('SET', keys[1], args[1], 'PX', args[3])
  redis.call('SET', keys[2], args[1], 'PX', args[4])
  append_audit(keys[3], args[5], args[6])
  return 1
end

-- KEYS lease dispatched; ARGV owner, job id. Takes the mark back: what was sent had no effect. Gives 1, or 0 when the lease is
-- lost.
local function withdraw(keys, args)
  if not owns(args[2], args[1]) then return 0 end
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

-- Keeps a job that is not to be run again, as it is. Letters whose time is over go, and the oldest beyond `letters_max`.
local function set_aside(letters, job, id, ttl_ms, letters_max)
  local payload = redis.call('GET', job)
  if not payload then return end
  local now_ms = now_us() / 1000
  redis.call('SET', 'tm:dead:' .. id, payload, 'PX', ttl_ms)
  redis.call('ZREMRANGEBYSCORE', letters, '-inf', now_ms - ttl_ms)
  redis.call('ZADD', letters, string.format('%.3f', now_ms), id) -- to the microsecond: the order is that of their coming
  redis.call('PEXPIRE', letters, ttl_ms)
  local beyond = redis.call('ZCARD', letters) - tonumber(letters_max)
  if beyond > 0 then
    for _, old in ipairs(redis.call('ZRANGE', letters, 0, beyond - 1)) do redis.call('DEL', 'tm:dead:' .. old) end
    redis.call('ZREMRANGEBYRANK', letters, 0, beyond - 1)
  end
end

-- KEYS lease job fence dispatched final queue in-flight audit [dead letters];
-- ARGV job id, owner, final message, frame, channel, result ttl ms, audit record, audit max [, dead letter ttl ms, letters max]
-- Gives 1, also where it was done before (asked again because the answer got lost), or 0 when the lease is lost: then nobody
-- may be answered.
local function finish(keys, args)
  if not owns(args[1], args[2]) then return redis.call('GET', keys[5]) == args[3] and 1 or 0 end
  if keys[9] then set_aside(keys[9], keys[2], args[1], args[9], args[10]) end
  redis.call('SET', keys[5], args[3], 'PX', args[6])
  redis.call('PUBLISH', args[5], args[4])
  append_audit(keys[8], args[7], args[8])
  redis.call('DEL', keys[1], keys[2], keys[3], keys[4])
  redis.call('ZREM', keys[6], args[1])
  redis.call('ZREM', keys[7], args[1])
  return 1
end

-- KEYS lease queue; ARGV job id, owner, delay ms, mark ms. Puts a claimed job back, unexecuted, for a later sweep.
local function release(keys, args)
  if not owns(args[1], args[2]) then return 0 end
  redis.call('DEL', keys[1])
  local mark = 'tm:dispatched:' .. args[1]
  if redis.call('GET', mark) == args[2] then redis.call('DEL', mark) end -- it came too late to be acted on
  note_return(args[1], args[4])
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

-- Whether somebody runs a job, or may have sent it and died.
local function begun(lease, id)
  return redis.call('EXISTS', lease, 'tm:dispatched:' .. id) > 0
end

-- Takes a job that was not started off its queue: its end is the message that is given, and is recorded.
-- KEYS as of cancel; ARGV job id, final message, result ttl ms, audit record, audit max [, 1 for one that may be in a part]
local function drop(keys, args)
  redis.call('SET', keys[3], args[2], 'PX', args[3])
  append_audit(keys[7], args[4], args[5])
  forget(keys[4], args[1])
  redis.call('ZREM', keys[5], args[1])
  redis.call('HDEL', keys[6], args[1])
  if args[6] then
    local general = keys[4]:match('^[^@]+')
    redis.call('ZREM', general, args[1])
    for _, worker in ipairs(redis.call('SMEMBERS', general .. ':parts')) do
      redis.call('ZREM', general .. '@' .. worker, args[1])
    end
  end
end

-- KEYS lease job final queue in-flight reattach audit; ARGV control channel, cancel message, 1 for only if nobody waits for it
-- and it was not sent as a write (else 0), then those of drop
-- Gives 1 (was not started, is dropped), 2 (runs, or may have been sent: its worker was told), 0 (is over, was never there, or
-- goes on).
local function cancel(keys, args)
  if redis.call('EXISTS', keys[3]) == 1 or redis.call('EXISTS', keys[2]) == 0 then return 0 end
  if args[3] == '1' then
    -- A write that was sent runs to its end, and is to be found then.
    if not (redis.call('HGET', keys[6], args[4]) or ''):find('^o:') then return 0 end
    if redis.call('EXISTS', 'tm:dispatched:' .. args[4]) == 1 then return 0 end
  end
  if begun(keys[1], args[4]) then
    redis.call('HDEL', keys[6], args[4])
    redis.call('PUBLISH', args[1], args[2])
    return 2
  end
  drop(keys, {unpack(args, 4)})
  return 1
end

-- KEYS as of cancel; ARGV life of the note ms, 1 to drop what was not started (else 0), then those of drop. The client of a call
-- is gone before it had its answer: from now on the same call finds it.
-- Gives 1 (was not started, is dropped), 2 (goes on, or is over), 0 (was never there).
local function lose(keys, args)
  local over = redis.call('EXISTS', keys[3]) == 1
  if not over then
    if redis.call('EXISTS', keys[2]) == 0 then return 0 end
    if args[2] == '1' and not begun(keys[1], args[3]) then
      drop(keys, {unpack(args, 3)})
      return 1
    end
  end
  redis.call('HSET', keys[6], args[3], string.format('o:%.0f', now_us() / 1000))
  redis.call('PEXPIRE', keys[6], args[1])
  return 2
end

redis.register_function('tm_renew_@V@', renew)
redis.register_function('tm_dispatch_@V@', dispatch)
redis.register_function('tm_withdraw_@V@', withdraw)
redis.register_function('tm_report_@V@', report)
redis.register_function('tm_finish_@V@', finish)
redis.register_function('tm_release_@V@', release)
redis.register_function('tm_refuse_@V@', refuse)
redis.register_function('tm_cancel_@V@', cancel)
redis.register_function('tm_lose_@V@', lose)
