-- The broker's side of the hop: all that must happen at once. Every time is Redis TIME, the only clock of the mesh.
--
-- Of a queue Q (arq's sorted set, job id by time) these keys are derived:
--   Q:turns           sorted set of the principals that have something waiting, by the time since which it is their turn
--   Q:waiting:<share> list of one principal's waiting job ids
--   Q:bell            the doorbell: a list that holds at most one token, on which idle workers block
--   Q:parts           set of the workers that have a part of Q: a queue Q@<worker> of the same make, from which only that
--                     worker takes, because what lies there belongs to something that it holds
-- A waiting job has its enqueue time as score, as arq writes it. A claimed one has LEASED + the end of its lease, so that
-- running jobs neither hide waiting ones nor are scanned, and an expired lease is one range query away.

local LEASED = 1e15
local STRAY_AGE_MS = 1000
local STRAYS_MAX = 4
local RENEW_EVERY = 16
local QUEUE_TTL_MS = 3600000
local ADOPTED_MAX = 256
local ALIKE_MAX = 64
local SIGN_MARGIN_MS = 50
local STALE_MS = 1000

local function now_us()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local function ring(queue, ttl_ms)
  local bell = queue .. ':bell'
  if redis.call('LLEN', bell) == 0 then
    redis.call('RPUSH', bell, '1')
    redis.call('PEXPIRE', bell, ttl_ms)
  end
end

-- Whether a worker's heartbeat counts; the group is in the queue's name.
local function alive(queue, worker)
  return redis.call('EXISTS', 'tm:' .. queue:match('^arq:queue:([^:]+):') .. ':heartbeat:' .. worker) == 1
end

-- The part of a queue where a job belongs: of the worker that the queue names, or that holds the owner's upstream session.
-- Where there is no such worker, or it is gone, the general queue.
local function part_for(queue, holder)
  local general, worker = queue:match('^(.-)@(.+)$')
  if not general then
    general, worker = queue, holder and redis.call('GET', holder)
  end
  if not worker or not alive(general, worker) then return general end
  redis.call('SADD', general .. ':parts', worker)
  redis.call('PEXPIRE', general .. ':parts', QUEUE_TTL_MS)
  return general .. '@' .. worker
end

-- How sure it is that an edge is gone: 2 (it neither says that it lives nor listens), 1 (one of the two), 0 (it is there); and
-- when it said last that it lives. A killed edge lets go of its channel at once, long before its sign of life is over; one that
-- was cut off is there again soon.
local function absence(edge, now_ms, sign_ms)
  local left = redis.call('PTTL', 'tm:alive:' .. edge)
  local deaf = redis.call('PUBSUB', 'NUMSUB', 'tm:edge:' .. edge)[2] == 0 and 1 or 0
  return (left < 0 and 1 or 0) + deaf, now_ms - sign_ms + left
end

-- Of calls that are the same call (`known`, as HGETALL gives them), one that has lost its waiter: its client is gone (`o:`), or
-- the edge that waited for it is (`w:<edge>:`). Gives its job id; or false, and whether one may have lost it or be losing it now, so that it is worth a second
-- look: its edge may be gone; or its end is just being delivered, or it runs for so long that its client may just be leaving,
-- and its edge has not said since we asked that it lives (when it does, it has also told of clients that left before).
-- A call counts while it runs, and for a while after its end (its result is kept for longer).
local function find_lost(key, known, ask, now_ms)
  local twin = false
  for i = 1, math.min(#known, 2 * ALIKE_MAX), 2 do
    local id, state = known[i], known[i + 1]
    local runs = redis.call('EXISTS', 'arq:job:' .. id) == 1
    local left = redis.call('PTTL', 'tm:final:' .. id)
    if not runs and (left < 0 or ask.kept - left > ask.window) then
      redis.call('HDEL', key, id)
    else
      local edge, since, joiner = state:match('^w:([^:]+):(%d+):(.*)$')
      -- Joined by this very call already, whose answer got lost; or by nobody.
      if not edge or joiner == ask.id then return id, false end
      local absent, seen_ms = 0, now_ms
      if edge ~= ask.edge then absent, seen_ms = absence(edge, now_ms, ask.sign_ms) end
      if absent >= ask.sure then return id, false end
      local leaving = (left >= 0 or now_ms - since >= ask.twin_age) and seen_ms < ask.at + SIGN_MARGIN_MS
      twin = twin or absent > 0 or leaving
    end
  end
  return false, twin
end

-- Of calls with the same key of the client's own, the one there is. Gives its job id, or false; -3 for other arguments.
local function find_own(key, window, kept, state)
  local known = redis.call('HGETALL', key)
  for i = 1, #known, 2 do
    local left = redis.call('PTTL', 'tm:final:' .. known[i])
    if redis.call('EXISTS', 'arq:job:' .. known[i]) == 1 or (left >= 0 and kept - left <= window) then
      return known[i + 1] == state and known[i] or -3
    end
    redis.call('HDEL', key, known[i])
  end
  return false
end

-- KEYS job final queue in-flight reattach [holder]; ARGV payload, job ttl ms, job id, share, depth max, in-flight max,
-- deadline ms, queue ttl ms, how (`none`, `look`: join a lost one; `keep`: and be found; `own`: by the client's own key), edge
-- or digest of the arguments, window ms, result ttl ms, twin age ms, from which absence on an edge counts as gone (1: and what
-- may yet lose its waiter is not waited for), since when it is asked ms, life of an edge's sign ms, when this was sent ms [, 1
-- for a job that may belong into a part of its queue]
-- Gives 1, 0 (known already), -1 (queue full), -2 (principal has too many in flight), -3 (own key, other arguments), -4 (one
-- may be losing its waiter: look again), -5 (a write that was under way for so long that its client may have left, and have sent
-- it to another edge meanwhile: look whether it is there, and ask again), or the id of the job to join.
local function enqueue(keys, args)
  if redis.call('EXISTS', keys[1], keys[2]) > 0 then return 0 end
  local queue, in_flight, id, share, ttl = keys[3], keys[4], args[3], args[4], args[8]
  local now = now_us()
  local now_ms = math.floor(now / 1000)
  local how, state = args[9], ''
  if how == 'keep' and now_ms - tonumber(args[17]) > STALE_MS then return -5 end
  if how == 'own' then
    state = 'k:' .. args[10]
    local found = find_own(keys[5], tonumber(args[11]), tonumber(args[12]), state)
    if found then return found end
  elseif how ~= 'none' then
    state = string.format('w:%s:%.0f:%s', args[10], now_ms, id)
    local known = redis.call('HGETALL', keys[5])
    if #known > 0 then
      local ask = {
        id = id, edge = args[10], window = tonumber(args[11]), kept = tonumber(args[12]), twin_age = tonumber(args[13]),
        sure = tonumber(args[14]), at = tonumber(args[15]), sign_ms = tonumber(args[16]),
      }
      local lost, twin = find_lost(keys[5], known, ask, now_ms)
      if lost then
        redis.call('HSET', keys[5], lost, state)
        return lost
      end
      if twin and ask.sure > 1 then return -4 end
    end
  end
  if args[18] then queue = part_for(queue, keys[6]) end
  local depth = redis.call('ZCARD', queue)
  if depth >= tonumber(args[5]) then return -1 end
  local flying = redis.call('ZCARD', in_flight)
  if flying >= tonumber(args[6]) then
    redis.call('ZREMRANGEBYSCORE', in_flight, '-inf', now_ms)
    flying = redis.call('ZCARD', in_flight)
    if flying >= tonumber(args[6]) then return -2 end
  end
  -- Keys live for an hour, calls for less: a key's life is renewed when it is made, and then by every so many calls.
  local renew = now % RENEW_EVERY == 0
  local turns, waiting = queue .. ':turns', queue .. ':waiting:' .. share
  redis.call('SET', keys[1], args[1], 'PX', args[2])
  redis.call('ZADD', queue, now_ms, id)
  if renew or depth == 0 then redis.call('PEXPIRE', queue, ttl) end
  if redis.call('RPUSH', waiting, id) == 1 or renew then redis.call('PEXPIRE', waiting, ttl) end
  if redis.call('ZADD', turns, 'NX', now, share) == 1 or renew then redis.call('PEXPIRE', turns, ttl) end
  redis.call('ZADD', in_flight, args[7], id)
  if renew or flying == 0 then redis.call('PEXPIRE', in_flight, ttl) end
  if how == 'own' or how == 'keep' then
    redis.call('HSET', keys[5], id, state)
    redis.call('PEXPIRE', keys[5], args[2] + args[12])
  end
  ring(queue, ttl)
  return 1
end

-- A claimed job is given back unexecuted: that is no worker lost.
local function note_return(id, ttl_ms)
  redis.call('INCR', 'tm:returned:' .. id)
  redis.call('PEXPIRE', 'tm:returned:' .. id, ttl_ms)
end

local function forget(queue, id)
  redis.call('ZREM', queue, id)
  redis.call('DEL', 'arq:job:' .. id, 'arq:retry:' .. id)
end

-- Lease one job to a worker. Appends queue, id, payload, fence, dispatch mark and how often it was given back unexecuted to
-- `out`; gives whether it did. A job that can't be one of ours is thrown away and told of with fence 0 and the reason in place
-- of the mark.
local function tell(out, queue, id, payload, fence, mark, returned)
  local n = #out
  out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5], out[n + 6] = queue, id, payload, fence, mark, returned
end

local function lease(queue, id, worker, lease_ms, mark_ms, now_ms, out)
  local score = tonumber(redis.call('ZSCORE', queue, id) or LEASED * 2)
  if score > now_ms and (score < LEASED or score > LEASED + now_ms) then return false end
  if redis.call('EXISTS', 'tm:final:' .. id) == 1 then
    forget(queue, id)
    tell(out, queue, id, '', 0, 'a call that is over was put on the queue again', 0)
    return false
  end
  local payload = redis.pcall('GET', 'arq:job:' .. id)
  if type(payload) == 'table' and not string.find(payload.err, 'WRONGTYPE', 1, true) then
    error(payload.err) -- not allowed to read it, for instance: that says nothing about the job
  end
  if type(payload) ~= 'string' then
    forget(queue, id)
    if payload then tell(out, queue, id, '', 0, 'the job is not a string', 0) end
    return false
  end
  local held_ms = redis.call('PTTL', 'arq:in-progress:' .. id)
  if held_ms > 0 then
    redis.call('ZADD', queue, 'XX', LEASED + now_ms + held_ms, id)
    return false
  end
  local fence = redis.call('INCR', 'arq:retry:' .. id)
  redis.call('PEXPIRE', 'arq:retry:' .. id, mark_ms)
  redis.call('SET', 'arq:in-progress:' .. id, worker .. ':' .. fence, 'PX', lease_ms)
  redis.call('ZADD', queue, 'XX', LEASED + now_ms + lease_ms, id)
  local mark, returned = '', 0
  if fence > 1 then
    mark = redis.call('GET', 'tm:dispatched:' .. id) or ''
    returned = tonumber(redis.call('GET', 'tm:returned:' .. id) or 0)
  end
  tell(out, queue, id, payload, fence, mark, returned)
  return true
end

-- Lease up to `free` waiting jobs, one for each principal in turn.
local function lease_fairly(queue, free, worker, lease_ms, mark_ms, now, out)
  local turns = queue .. ':turns'
  local now_ms = math.floor(now / 1000)
  while free > 0 do
    local turn = redis.call('ZPOPMIN', turns)
    local share = turn[1]
    if not share then return free end
    local waiting = queue .. ':waiting:' .. share
    local taken = false
    repeat
      local id = redis.call('LPOP', waiting)
      if id and lease(queue, id, worker, lease_ms, mark_ms, now_ms, out) then
        taken = true
        free = free - 1
      end
    until taken or not id
    if redis.call('EXISTS', waiting) == 1 then
      now = now + 1
      redis.call('ZADD', turns, 'NX', now, share)
    end
  end
  if redis.call('EXISTS', turns) == 1 then ring(queue, 60000) end
  return 0
end

-- KEYS queue; ARGV worker, lease ms, mark ms, free slots
local function claim(keys, args)
  local out = {}
  lease_fairly(keys[1], tonumber(args[4]), args[1], tonumber(args[2]), args[3], now_us(), out)
  return out
end

-- Jobs in the parts of workers that are gone come back to the general queue, where they look like jobs whose lease has
-- expired; those whose lease still stands come when it does not.
local function adopt(queue, now_ms)
  for _, worker in ipairs(redis.call('SMEMBERS', queue .. ':parts')) do
    if not alive(queue, worker) then
      local part = queue .. '@' .. worker
      local ids = redis.call('ZRANGEBYSCORE', part, '-inf', LEASED + now_ms, 'LIMIT', 0, ADOPTED_MAX)
      for _, id in ipairs(ids) do
        local held_ms = redis.call('PTTL', 'arq:in-progress:' .. id)
        if held_ms > 0 then
          redis.call('ZADD', part, 'XX', LEASED + now_ms + held_ms, id)
        else
          redis.call('ZREM', part, id)
          redis.call('ZADD', queue, LEASED + now_ms, id)
          redis.call('PEXPIRE', queue, QUEUE_TTL_MS)
        end
      end
      if redis.call('ZCARD', part) == 0 then
        for _, share in ipairs(redis.call('ZRANGE', part .. ':turns', 0, -1)) do
          redis.call('DEL', part .. ':waiting:' .. share)
        end
        redis.call('DEL', part .. ':turns', part .. ':bell')
        redis.call('SREM', queue .. ':parts', worker)
      end
    end
  end
end

-- KEYS queues; ARGV worker, lease ms, mark ms, then the free slots of each queue.
-- Adopts what workers that are gone left in their parts, takes over expired leases, then what no doorbell told of, then
-- strays: jobs that are in arq's set but were never
-- put in a waiting list (nobody of ours does that; they are handed out so that they are looked at and refused).
local function sweep(keys, args)
  local out = {}
  local now = now_us()
  local now_ms = math.floor(now / 1000)
  for i, queue in ipairs(keys) do
    local free = tonumber(args[3 + i])
    if free > 0 then adopt(queue, now_ms) end
    if free > 0 and redis.call('EXISTS', queue) == 1 then
      local expired = redis.call('ZRANGEBYSCORE', queue, LEASED, LEASED + now_ms, 'LIMIT', 0, free)
      for _, id in ipairs(expired) do
        if lease(queue, id, args[1], tonumber(args[2]), args[3], now_ms, out) then free = free - 1 end
      end
      free = lease_fairly(queue, free, args[1], tonumber(args[2]), args[3], now, out)
      if free > 0 then
        local strays = redis.call('ZRANGEBYSCORE', queue, '-inf', now_ms - STRAY_AGE_MS,
                                  'LIMIT', 0, math.min(free, STRAYS_MAX))
        for _, id in ipairs(strays) do
          lease(queue, id, args[1], tonumber(args[2]), args[3], now_ms, out)
        end
      end
    end
  end
  return out
end

redis.register_function('tm_enqueue_@V@', enqueue)
redis.register_function('tm_claim_@V@', claim)
redis.register_function('tm_sweep_@V@', sweep)
