// The strict stand-in as a server on loopback: authentication, limits, faults, the
// log of wrong requests, and the pages by which a test steers it (/__...).
//
//   node server.mjs            prints the address and serves until it is killed
import http from 'node:http'
import { createHash, randomUUID } from 'node:crypto'
import { Account, Refusal } from './account.mjs'
import { find, undated } from './routes.mjs'

export const token = 'pat-eu1-strict-0815'

const presets = {
  traceEcho: true, // answers repeat objectWriteTraceId
  shuffle: false, // results in another order than the inputs
  plain200: false, // 200 in place of 201 and 207
  emptyMissing: false, // a batch read of nothing but unknown ids is an empty 200
  numericTo: true, // toObjectId as a JSON number
  headers: true, // X-HubSpot-RateLimit-*
  wholeBatch: false, // one bad input refuses its batch, without saying which
  limit: 0, // requests in ten seconds; 0: no limit
  searchLimit: 5, // searches in one second
  daily: 0, // requests left today; 0: no limit
  searchLag: 0, // milliseconds until searches see a write
  latency: [0, 0], // of each answer, in milliseconds
  dated: false, // paths with a date version are expected, and no others
  reads: null, // the ticket properties that may be asked for; null: all
  maxBody: 0, // bytes; a longer body is answered 413; 0: no limit
  others: 0, // how many tickets somebody else makes with each write
  track: null, // a property by which a ticket that is created twice is known
  linkPage: 500, // associations in one page
  faults: null, // {rate, kinds}: how many of the requests fail, and how
  seed: 1,
}

export function random(seed) {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const html = (status) => `<html><head><title>${status}</title></head><body><h1>${status}</h1><hr>cloud gateway</body></html>`
const rateLimit = (message, policyName) => ({ status: 'error', message, errorType: 'RATE_LIMIT', category: 'RATE_LIMITS', correlationId: randomUUID(), policyName, requestId: randomUUID() })

// What can go wrong with a request. `after`: the request was carried out.
const faults = {
  '429': { status: 429, body: () => rateLimit('You have reached your ten_secondly_rolling limit.', 'TEN_SECONDLY_ROLLING'), headers: { 'Retry-After': '1' } },
  '429-secondly': { status: 429, body: () => rateLimit('You have reached your secondly limit.', 'SECONDLY') },
  '423': { status: 423, body: () => ({ status: 'error', message: 'locked' }) },
  '500': { status: 500, body: () => ({ status: 'error', message: 'internal error', correlationId: randomUUID() }) },
  '502': { status: 502, body: () => html(502) },
  '503': { status: 503, body: () => '' },
  '502-after': { status: 502, body: () => html(502), after: true },
  '524-after': { status: 524, body: () => html(524), after: true },
  reset: { reset: true },
  'reset-after': { reset: true, after: true },
  truncated: { truncated: true, after: true },
  empty: { empty: true, after: true },
  'never-after': { never: true, after: true },
  slow: { slow: 700 },
}
export const faultKinds = Object.keys(faults)

// whole reads the body of a request; undefined if the client went away before.
async function whole(req) {
  const chunks = []
  try {
    for await (const chunk of req) chunks.push(chunk)
  } catch {
    return undefined
  }
  return Buffer.concat(chunks).toString()
}

export class Strict {
  constructor() {
    this.server = http.createServer((req, res) => this.serve(req, res))
    this.server.keepAliveTimeout = 60000
    this.underWay = 0
    this.reset({})
  }

  // reset begins with a new account.
  reset(modes) {
    this.modes = { ...presets, ...modes }
    this.random = random(this.modes.seed)
    this.account = new Account(this.modes)
    this.wrongs = []
    this.trace = []
    this.forget()
  }

  // set changes modes of the running account.
  set(modes) {
    Object.assign(this.modes, modes)
    if ('seed' in modes) this.random = random(modes.seed)
    this.forget()
  }

  // forget drops what belongs to one run of the client.
  forget() {
    this.refusedBodies = new Map()
    this.reads = new Map()
    this.times = []
    this.searchTimes = []
    this.counts = { calls: 0, writes: 0, searches: 0, limited: 0, faults: 0, overDaily: 0 }
  }

  // idle waits until the requests of a client that died are carried out: also
  // those that have arrived and were not read yet.
  async idle() {
    for (let quiet = 0; quiet < 10; quiet++) {
      await sleep(10)
      if (this.underWay > 0) quiet = -1
    }
  }

  async listen() {
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done))
    this.url = `http://127.0.0.1:${this.server.address().port}`
    return this.url
  }

  close() {
    this.server.closeAllConnections()
    this.server.close()
  }

  async serve(req, res) {
    this.underWay++
    try {
      const text = await whole(req)
      const url = new URL(req.url, 'http://strict')
      if (text === undefined) return
      if (url.pathname.startsWith('/__')) return this.steer(url, text, res)
      await this.handle({ req, res, text, url, path: undated(url.pathname), wrong: (why) => this.log(req, why, text) })
    } finally {
      this.underWay--
    }
  }

  async handle(call) {
    this.counts.calls++
    const fault = this.fault(call)
    this.note(call, fault)
    const [from, to] = this.modes.latency
    await sleep(from + this.random() * (to - from) + (fault?.slow ?? 0))
    if (fault && !fault.after && !fault.slow) return this.fail(call, fault)
    const answer = this.answer(call)
    if (fault?.after) {
      for (const key of answer.keys) this.account.unanswered.add(key)
      return this.fail(call, fault, answer)
    }
    this.send(call.res, answer)
  }

  // note keeps a line of each request, and the fault that it meets, for a check that fails.
  note({ req, text }, fault) {
    const name = Object.keys(faults).find((k) => faults[k] === fault) ?? ''
    this.trace.push(`${new Date().toISOString()} ${req.method} ${req.url.slice(0, 200)} ${name} ${text.slice(0, 300)} … ${text.length}`)
  }

  log(req, why, body = '') {
    this.trace.push(`${new Date().toISOString()} WRONG ${why}`)
    this.wrongs.push({ why, request: `${req.method} ${req.url}`, body: body.slice(0, 2000) })
  }

  // answer judges a request, carries it out and returns its answer.
  answer(call) {
    const keys = []
    try {
      this.checkRequest(call)
      const limited = this.limit(call)
      if (limited) return { ...limited, keys }
      const { route, args } = this.route(call)
      const [status, body] = route.handler(this.context(call, args, keys))
      if (keys.length) this.counts.writes++
      if (keys.length) this.account.addOthers(this.modes.others)
      return { status, body, keys }
    } catch (e) {
      if (!(e instanceof Refusal)) throw e
      if ([400, 409, 413].includes(e.status)) this.refusedBodies.set(this.fingerprint(call), e.status)
      return { status: e.status, keys, body: { status: 'error', message: e.message, correlationId: randomUUID(), ...(e.category ? { category: e.category } : {}), ...e.more } }
    }
  }

  context(call, args, keys) {
    return {
      account: this.account,
      modes: this.modes,
      query: call.url.searchParams,
      body: call.body,
      wrong: call.wrong,
      args: args.map(decodeURIComponent),
      touch: (key) => keys.push(key),
      shuffled: (list) => this.shuffled(list),
    }
  }

  shuffled(list) {
    const out = [...list]
    for (let i = out.length - 1; i > 0; i--) {
      const j = Math.floor(this.random() * (i + 1))
      ;[out[i], out[j]] = [out[j], out[i]]
    }
    return out
  }

  checkRequest(call) {
    const { req, url, text, wrong } = call
    if (req.headers.authorization !== `Bearer ${token}`) {
      wrong(req.headers.authorization ? 'the token is not the account\'s' : 'no Authorization header')
      throw new Refusal(401, 'INVALID_AUTHENTICATION', 'Authentication credentials not found.')
    }
    if (/hapikey|access_token|pat-eu1/i.test(req.url)) wrong('a token stands in the address')
    if (req.url.length > 8000) {
      wrong(`an address of ${req.url.length} characters`)
      throw new Refusal(414, undefined, 'URI too long')
    }
    if (this.modes.dated !== (call.path !== url.pathname || !/^\/(crm|account)/.test(url.pathname))) wrong(`a path of ${this.modes.dated ? 'v3' : 'a date version'}`)
    const hasBody = req.method !== 'GET' && req.method !== 'DELETE'
    if (hasBody && !/^application\/json\b/.test(req.headers['content-type'] ?? '')) wrong(`content type ${req.headers['content-type']}`)
    if (!hasBody && text) wrong('a body where none belongs')
    if (this.modes.maxBody && text.length > this.modes.maxBody) throw new Refusal(413, undefined, 'Payload Too Large')
    if (this.refusedBodies.has(this.fingerprint(call))) wrong(`the same body was refused with ${this.refusedBodies.get(this.fingerprint(call))} before`)
  }

  // fingerprint knows a request again; the trace ids may be new ones.
  fingerprint({ req, text }) {
    const bare = text.replace(/"objectWriteTraceId":"[^"]*",?/g, '')
    return createHash('sha256').update(`${req.method} ${req.url} ${bare}`).digest('base64')
  }

  route(call) {
    const { route, args, known } = find(call.req.method, call.path)
    if (!route) {
      call.wrong(known ? 'unknown method' : 'unknown path')
      throw new Refusal(known ? 405 : 404, undefined, 'resource not found')
    }
    for (const name of call.url.searchParams.keys()) {
      if (!route.query.includes(name)) call.wrong(`unknown query parameter ${name}`)
      if (call.url.searchParams.getAll(name).length > 1) call.wrong(`query parameter ${name} stands twice`)
    }
    this.parse(call, route)
    this.checkRepeat(call, route)
    return { route, args }
  }

  parse(call, route) {
    if (!route.fields) return
    try {
      call.body = JSON.parse(call.text)
    } catch {
      call.wrong('the body is no JSON')
      throw new Refusal(400, undefined, 'Invalid input JSON')
    }
    const extra = Object.keys(call.body).filter((k) => !route.fields.includes(k))
    if (extra.length) call.wrong(`unknown body field ${extra}`)
  }

  // checkRepeat: a definition is read once in a run, and a record not over and over.
  checkRepeat(call) {
    if (call.req.method !== 'GET' || call.path.startsWith('/crm/v3/objects') || this.modes.faults) return
    const n = (this.reads.get(call.req.url) ?? 0) + 1
    this.reads.set(call.req.url, n)
    if (n > 1) call.wrong('the same definitions are read again')
  }

  // limit counts the request and returns the 429 that it gets, if any.
  limit(call) {
    const t = Date.now()
    const search = call.path.endsWith('/search')
    const exempt = search || call.path.startsWith('/crm/v4/associations')
    if (this.modes.daily && this.counts.calls > this.modes.daily) {
      if (this.counts.overDaily++ > 1) call.wrong('a request though the daily limit is reached')
      return { status: 429, body: { ...rateLimit('You have reached your daily limit.', 'DAILY') } }
    }
    if (search) this.counts.searches++
    const times = search ? this.searchTimes : this.times
    const [window, most] = search ? [1000, this.modes.searchLimit] : [10000, this.modes.limit]
    while (times.length && times[0] <= t - window) times.shift()
    if (most && times.length >= most && (search || !exempt)) {
      this.counts.limited++
      return { status: 429, body: search ? rateLimit('You have reached your secondly limit.', 'SECONDLY') : rateLimit('You have reached your ten_secondly_rolling limit.', 'TEN_SECONDLY_ROLLING') }
    }
    if (search || !exempt) times.push(t)
    return undefined
  }

  fault({ req, path, text }) {
    const f = this.modes.faults
    if (!f || this.random() >= f.rate) return undefined
    const name = f.kinds[Math.floor(this.random() * f.kinds.length)]
    // An empty answer is one of a batch, and never two of them in a row.
    const once = `${name} ${path} ${text}`
    if (name === 'empty' && (!/\/objects\/.*\/batch\/(create|read|update|upsert)$/.test(path) || this.lastEmpty === once)) return undefined
    this.lastEmpty = name === 'empty' ? once : undefined
    if (req.method === 'GET' && faults[name].never) return undefined
    this.counts.faults++
    return faults[name]
  }

  fail({ res }, fault, answer) {
    if (fault.reset) return res.destroy()
    if (fault.never) return undefined
    if (fault.empty) return this.send(res, { status: 200, body: { status: 'COMPLETE', results: [] } })
    if (fault.truncated) {
      const text = this.render(answer.body)
      res.writeHead(answer.status === 204 ? 200 : answer.status, { 'Content-Type': 'application/json', 'Content-Length': text.length + 10 })
      return res.write(text.slice(0, text.length / 2), () => res.destroy())
    }
    return this.send(res, { status: fault.status, body: fault.body() }, fault.headers)
  }

  render(body) {
    return typeof body === 'string' ? body : JSON.stringify(body ?? {}).replace(/"@number (\d+)"/g, '$1')
  }

  send(res, { status, body }, extra = {}) {
    const text = status === 204 ? '' : this.render(body)
    const headers = { 'Content-Type': typeof body === 'string' ? 'text/html' : 'application/json;charset=utf-8', ...extra }
    if (this.modes.headers && !res.req.url.endsWith('/search')) Object.assign(headers, this.limits())
    res.writeHead(status, status === 204 ? this.limits() : headers)
    res.end(text)
  }

  limits() {
    if (!this.modes.headers) return {}
    const max = this.modes.limit || 1000000
    const daily = this.modes.daily
      ? { 'X-HubSpot-RateLimit-Daily': String(this.modes.daily), 'X-HubSpot-RateLimit-Daily-Remaining': String(Math.max(0, this.modes.daily - this.counts.calls)) }
      : {}
    return {
      'X-HubSpot-RateLimit-Max': String(max),
      'X-HubSpot-RateLimit-Remaining': String(Math.max(0, max - this.times.length)),
      'X-HubSpot-RateLimit-Interval-Milliseconds': '10000',
      ...daily,
    }
  }

  steer(url, text, res) {
    const pages = {
      '/__dump': () => this.account.dump(),
      '/__wrong': () => ({ wrong: this.wrongs, counts: this.counts }),
      '/__reset': () => this.reset(JSON.parse(text || '{}')),
      '/__set': () => this.set(JSON.parse(text || '{}')),
    }
    const page = pages[url.pathname]
    res.writeHead(page ? 200 : 404, { 'Content-Type': 'application/json' })
    res.end(JSON.stringify(page ? page() ?? {} : {}))
  }
}

const sleep = (ms) => (ms > 0 ? new Promise((done) => setTimeout(done, ms)) : undefined)

if (import.meta.url === `file://${process.argv[1]}`) console.log(await new Strict().listen())
